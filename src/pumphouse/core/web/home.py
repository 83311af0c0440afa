# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The home page: what is known, what runs now, how long still."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from pumphouse.core.cards import Card
from pumphouse.core.errors import PumphouseError
from pumphouse.core.jobs.records import RunSummary
from pumphouse.core.jobs.state import State
from pumphouse.core.log import get_logger
from pumphouse.core.web.part import PartPages
from pumphouse.core.web.render import page
from pumphouse.core.web.web import Web, web_of

QUEUED_SHOWN = 20
RECENT_SHOWN = 6

_log = get_logger(__name__)


@get("/", opt={"role": "viewer"}, include_in_schema=False, name="home")
async def home(request: Request[Any, Any, Any]) -> Response[str]:
    """Cards of the parts, the runs at work, the last results."""
    web = web_of(request)
    runs = web.site.runs
    running = sorted(await runs.find(states=[State.RUNNING], limit=QUEUED_SHOWN), key=lambda run: run.id)
    queued = await runs.find(states=[State.QUEUED], limit=QUEUED_SHOWN)
    queued.sort(key=lambda run: (-run.priority, run.id))
    recent = await runs.find(states=[State.DONE, State.FAILED, State.CANCELLED], limit=RECENT_SHOWN)
    left_s = {run.id: await web.feed.left_s(run) for run in running}
    expected_s = {run.id: await web.expected_s(run.kind) for run in queued}
    return page(
        request,
        "home.html",
        cards=[card for part in web.parts for card in await load_cards(web, part)],
        running=running,
        queued=queued,
        recent=recent,
        left_s=left_s,
        expected_s=expected_s,
        all_left_s=all_left_s(running, left_s, expected_s, slots=web.site.settings.worker.slots),
        startables=list(web.startables.values()),
    )


async def load_cards(web: Web, part: PartPages) -> list[Card]:
    """The cards of a part, or one that tells why they cannot be had: a part that fails never takes the page along."""
    if part.cards is None:
        return []
    try:
        return await part.cards(web.site)
    except PumphouseError as error:
        reason = error.text.what
    except Exception as error:  # noqa: BLE001  a part from outside may raise anything; its traceback goes to the log
        _log.exception("the cards of a part cannot be had", part=part.name)
        reason = f"a bug in the part: {type(error).__name__}"
    return [Card(part=part.name, title=part.title, body=f"cannot be shown now: {reason}", state="bad", link=part.path)]


def all_left_s(
    running: list[RunSummary], left_s: dict[int, float | None], expected_s: dict[int, float | None], *, slots: int
) -> float | None:
    """How long until nothing is left to do; None where a part of it is not known or nothing is to do."""
    parts = [left_s[run.id] for run in running] + list(expected_s.values())
    known = [part for part in parts if part is not None]
    if not parts or len(known) < len(parts):
        return None
    return max(sum(known) / slots, *known)

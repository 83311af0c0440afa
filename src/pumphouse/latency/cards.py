# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the part shows elsewhere: the last answer, and what it computes for a new site."""

from __future__ import annotations

import msgspec

from pumphouse.core.cards import Card
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.latency.domain.request import CompareRequest, write_title
from pumphouse.latency.kinds import COMPARE


async def cards(site: Site) -> list[Card]:
    """The last comparison's answer; while there is none, the one that runs, or how to get one."""
    runs = await site.runs.find(kind_prefix=COMPARE, limit=20)
    done = next((run for run in runs if run.state is State.DONE), None)
    if done is not None:
        state = "bad" if done.is_no else "unknown" if done.verdict in {"undecided", "error"} else "good"
        body = done.summary
        return [_card(body=body, state=state, link=f"/runs/{done.id}", at=done.finished_at)]
    at_work = next((run for run in runs if not run.state.is_final), None)
    if at_work is not None:
        body = f"{at_work.title}: {at_work.state}"
        return [_card(body=body, state="running", link=f"/runs/{at_work.id}", run_id=at_work.id)]
    return [_card(body="No kernels have been compared here yet: pumphouse latency compare", link="/latency")]


async def queue_first_runs(site: Site) -> None:
    """Queue the comparison of Debian's stock and realtime kernels, once in the life of a site."""
    request = CompareRequest()
    await site.runs.create(
        kind=COMPARE,
        title=write_title(request),
        params=msgspec.to_builtins(request),
        actor="the first start",
        idempotency_key="first latency comparison",
    )


def _card(**fields: object) -> Card:
    return msgspec.convert({"part": "latency", "title": "Realtime latency", **fields}, Card)

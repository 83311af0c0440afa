# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the part, the evidence on the page of a tuning, the button that starts one, the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get

from pumphouse.core.cards import Card, State
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State as RunState
from pumphouse.core.site import Site
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.render import page
from pumphouse.core.web.web import web_of
from pumphouse.pgo.domain.report import CAVEAT
from pumphouse.pgo.domain.request import TuneRequest, write_command, write_title
from pumphouse.pgo.domain.result import TuneResult, write_change
from pumphouse.pgo.domain.usage import describe
from pumphouse.pgo.kinds import GUESS_S, TUNE

FOLDER = Path(__file__).parent
SHOWN = 20
STATES: dict[str, State] = {"better": "good", "worse": "bad", "mixed": "attention", "not shown": "unknown"}


def pages() -> PartPages:
    """What this part gives to the site."""
    return PartPages(
        name="pgo",
        title="Tuned kernels",
        path="/pgo",
        routes=[show_tunings],
        folder=FOLDER,
        run_bodies={TUNE: RunBody(template="pgo/tuning.html", load=load_tuning)},
        startables=[
            Startable(
                kind=TUNE,
                name="Tune a kernel to Redis",
                params=TuneRequest,
                title=write_title,
                command=write_command,
                guess_s=GUESS_S,
            )
        ],
        cards=show_cards,
    )


@get("/pgo", opt={"role": "viewer"}, include_in_schema=False)
async def show_tunings(request: Request[Any, Any, Any]) -> Response[str]:
    """The last tuning that was done, and those before it."""
    web = web_of(request)
    runs = await web.site.runs.find(kind_prefix=TUNE, limit=SHOWN)
    last = next((run for run in runs if run.state is RunState.DONE), None)
    return page(
        request,
        "pgo/index.html",
        runs=runs,
        last=last,
        body=await load_tuning(web.site, await web.site.runs.get(last.id)) if last else {},
        left_s={run.id: await web.feed.left_s(run) for run in runs if run.state is RunState.RUNNING},
        startable=web.startables[TUNE],
    )


async def load_tuning(_site: Site, run: Run) -> dict[str, Any]:
    """What the template of a tuning shows; `result` is None while there is none."""
    if run.state is not RunState.DONE or not run.result:
        return {"result": None}
    result = msgspec.convert(run.result, TuneResult)
    return {"result": result, "use": describe(result.use), "caveat": CAVEAT, "change": write_change}


async def show_cards(site: Site) -> list[Card]:
    """What the last tuning gained."""
    found = await site.runs.find(states=[RunState.DONE], kind_prefix=TUNE, limit=1)
    if not found:
        return []
    run = await site.runs.get(found[0].id)
    result = msgspec.convert(run.result, TuneResult)
    return [
        Card(
            part="pgo",
            title="Tuned kernel",
            body=result.answer,
            state=STATES[result.verdict],
            link=f"/runs/{run.id}",
            at=run.finished_at,
            run_id=run.id,
        )
    ]

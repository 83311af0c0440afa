# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The web side of the part from outside: a page with a chart, the body of a run page, a start button, cards."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get

from pumphouse.core.cards import Card
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.web.chart import Axis, Chart, Series
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.render import page

FOLDER = Path(__file__).parent / "demo_web"


class CountParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trace: str = "/dev/null"
    steps: int = 3
    pause_s: float = 0.0


def histogram(centre_us: float, spread: float) -> Series:
    """A log-normal histogram with 64 steps from 1 us to 10 ms."""
    places = [10 ** (4 * step / 64) for step in range(65)]
    counts = [
        float(round(50_000 * math.exp(-((math.log(place / centre_us) / spread) ** 2)) + (step == 50) * 3))
        for step, place in enumerate(places)
    ]
    return Series(label="", x=places, y=list(counts), shape="steps")


def chart() -> Chart:
    return Chart(
        id="wakeup",
        title="Wake-up latency under hackbench",
        note="virtual microseconds, emulated",
        x=Axis(label="latency", unit="us", scale="log"),
        y=Axis(label="wake-ups", scale="log"),
        series=[
            msgspec.structs.replace(histogram(30, 0.5), label="6.1.0-51-rt"),
            msgspec.structs.replace(histogram(60, 1.1), label="6.1.0-51"),
        ],
    )


@get("/demo", opt={"role": "viewer"}, include_in_schema=False)
async def demo(request: Request[Any, Any, Any]) -> Response[str]:
    return page(request, "demo/page.html", chart_data=chart())


async def load(_site: Site, run: Run) -> dict[str, Any]:
    return {"chart": chart(), "steps": run.result["steps"] if run.result else None}


async def cards(site: Site) -> list[Card]:
    done = await site.runs.find(states=[State.DONE], kind_prefix="demo.", limit=1)
    if not done:
        return []
    return [
        Card(
            part="demo",
            title="Realtime kernel",
            body=done[0].summary,
            state="good",
            link="/demo",
            at=done[0].finished_at,
            series=[3.0, 4.0, 3.5, 3.2, 6.0, 3.1, 3.0],
            series_unit="us",
            run_id=done[0].id,
        ),
        Card(part="demo", title="Profile-guided kernel", body="The gain is not larger than the noise", state="unknown"),
    ]


def pages() -> PartPages:
    return PartPages(
        name="demo",
        title="Demo",
        path="/demo",
        routes=[demo],
        folder=FOLDER,
        run_bodies={"demo.count": RunBody(template="demo/count.html", load=load)},
        startables=[
            Startable(
                kind="demo.count",
                name="Count to three",
                params=CountParams,
                title=lambda params: f"count to {params.steps}",
                command=lambda params: f"pumphouse demo count --steps {params.steps}",
                guess_s=2.0,
            )
        ],
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The page of all comparisons, and the evidence on the run page of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get

from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.web.chart import Axis, Series
from pumphouse.core.web.chart import Chart as PageChart
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.render import page
from pumphouse.core.web.web import web_of
from pumphouse.latency.domain.chart import Chart, make_chart
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.request import CompareRequest, write_command, write_title
from pumphouse.latency.kinds import COMPARE, GUESS_S

PAGE_RUNS = 50


def pages() -> PartPages:
    """What the part gives to the site."""
    return PartPages(
        name="latency",
        title="Latency",
        path="/latency",
        routes=[overview],
        folder=Path(__file__).parent,
        run_bodies={COMPARE: RunBody(template="latency/comparison.html", load=load_comparison)},
        startables=[
            Startable(
                kind=COMPARE,
                name="Compare two kernels",
                params=CompareRequest,
                title=write_title,
                command=write_command,
                guess_s=GUESS_S,
            )
        ],
    )


@get("/latency", opt={"role": "viewer"}, include_in_schema=False, name="latency")
async def overview(request: Request[Any, Any, Any]) -> Response[str]:
    """The last answer first, then every comparison."""
    web = web_of(request)
    runs = await web.site.runs.find(kind_prefix=COMPARE, limit=PAGE_RUNS)
    at_work = [run for run in runs if not run.state.is_final]
    return page(
        request,
        "latency/overview.html",
        runs=runs,
        at_work=at_work,
        last=next((run for run in runs if run.state is State.DONE), None),
        left_s={run.id: await web.feed.left_s(run) for run in at_work},
        startable=web.startables[COMPARE],
        command=write_command(CompareRequest()),
    )


async def load_comparison(_site: Site, run: Run) -> Mapping[str, Any]:
    """The comparison of a run and its chart; None for both where the run has no result yet."""
    if run.result is None:
        return {"comparison": None, "chart": None}
    comparison = msgspec.convert(run.result, Comparison)
    return {"comparison": comparison, "chart": draw(make_chart(comparison))}


def draw(chart: Chart) -> PageChart:
    """The chart for the page: one histogram in steps for each kernel, all its boots together."""
    beyond = [f"{item.overflow} cycles of {item.name} at or above it" for item in chart.series if item.overflow]
    return PageChart(
        id="histogram",
        title="Wake-ups by latency",
        x=Axis(label="latency", unit=chart.unit, scale="log"),
        y=Axis(label="cycles", scale="log"),
        series=[
            Series(
                label=item.name,
                x=item.edges_us,
                y=[*(float(count) for count in item.counts), None],
                shape="steps",
                group=item.name,
            )
            for item in chart.series
        ],
        note=f"{chart.unit}, all boots together; the histograms reach {chart.width_us:,} us"
        + (f" ({', '.join(beyond)})" if beyond else ""),
    )

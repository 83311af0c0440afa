# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the part, the evidence on the page of a comparison, the button that starts one, the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get

from pumphouse.core.cards import Card, State
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State as RunState
from pumphouse.core.site import Site
from pumphouse.core.web.chart import Axis, Chart, Series
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.render import page
from pumphouse.core.web.web import web_of
from pumphouse.latency.domain.chart import make_chart
from pumphouse.latency.domain.comparison import Comparison, Verdict
from pumphouse.latency.domain.report import CAVEAT, write_kind_of_time
from pumphouse.latency.domain.request import CompareRequest, pin_kernels, write_command, write_title
from pumphouse.latency.kinds import COMPARE, GUESS_S

FOLDER = Path(__file__).parent
SHOWN = 20
STATES: dict[Verdict, State] = {
    "better": "good",
    "worse": "bad",
    "mixed": "attention",
    "no difference shown": "good",
    "undecided": "unknown",
    "error": "attention",
}
EFFECTS = {
    "better": ("good", "better"),
    "worse": ("bad", "worse"),
    "excluded": ("good", "alike"),
    "open": ("unknown", "open"),
}


def pages() -> PartPages:
    """What this part gives to the site."""
    return PartPages(
        name="latency",
        title="Latency",
        path="/latency",
        routes=[show_comparisons],
        folder=FOLDER,
        run_bodies={COMPARE: RunBody(template="latency/comparison.html", load=load_comparison)},
        startables=[
            Startable(
                kind=COMPARE,
                name="Compare Debian's kernels",
                params=CompareRequest,
                title=write_title,
                command=write_command,
                guess_s=GUESS_S,
            )
        ],
        cards=show_cards,
    )


@get("/latency", opt={"role": "viewer"}, include_in_schema=False)
async def show_comparisons(request: Request[Any, Any, Any]) -> Response[str]:
    """The last comparison that was done, and those before it."""
    web = web_of(request)
    runs = await web.site.runs.find(kind_prefix=COMPARE, limit=SHOWN)
    last = next((run for run in runs if run.state is RunState.DONE), None)
    return page(
        request,
        "latency/index.html",
        runs=runs,
        last=last,
        body=await load_comparison(web.site, await web.site.runs.get(last.id)) if last else {},
        left_s={run.id: await web.feed.left_s(run) for run in runs if run.state is RunState.RUNNING},
        startable=web.startables[COMPARE],
    )


async def load_comparison(_site: Site, run: Run) -> dict[str, Any]:
    """What the template of a comparison shows; `comparison` is None while there is no result."""
    if run.state is not RunState.DONE or not run.result:
        return {"comparison": None}
    comparison = msgspec.convert(run.result, Comparison)
    return {
        "comparison": comparison,
        "chart": draw_chart(comparison),
        "effects": EFFECTS,
        "caveat": CAVEAT,
        "kind_of_time": write_kind_of_time(comparison),
        "checks": [check.name for check in max((boot.checks for _, _, boot in list_boots(comparison)), key=len)],
        "boots": list_boots(comparison),
        "command": write_exact_command(run, comparison),
    }


def write_exact_command(run: Run, comparison: Comparison) -> str:
    """The command that boots exactly these kernels in exactly this order."""
    request = msgspec.convert(run.params, CompareRequest)
    pinned = pin_kernels(request, source_a=comparison.a.source, source_b=comparison.b.source)
    return write_command(msgspec.structs.replace(pinned, seed=request.seed or run.id))


def list_boots(comparison: Comparison) -> list[tuple[str, str, Any]]:
    """Each boot with the letter and the name of its side, in the order in which they ran."""
    boots = [
        (mark, side.name, boot) for mark, side in (("A", comparison.a), ("B", comparison.b)) for boot in side.boots
    ]
    return sorted(boots, key=lambda item: item[2].position)


def draw_chart(comparison: Comparison) -> Chart:
    """Both histograms as steps; each count stands at the latency from which it reaches to the next."""
    chart = make_chart(comparison)
    overflows = [f"{series.overflow:,} of {series.name}" for series in chart.series if series.overflow]
    beyond = f"; beyond {chart.width_us:,} and not drawn: {' and '.join(overflows)}" if overflows else ""
    return Chart(
        id="histogram",
        title="Cycles by latency",
        note=f"{comparison.unit}{beyond}",
        x=Axis(label="latency", unit=comparison.unit, scale="log"),
        y=Axis(label="cycles per bin, 24 bins to a decade", scale="log"),
        series=[
            Series(label=series.name, x=series.edges_us, y=[*map(float, series.counts), 0.0], shape="steps")
            for series in chart.series
        ],
    )


async def show_cards(site: Site) -> list[Card]:
    """The verdict of the last comparison, with the p99.9 of each boot of B."""
    found = await site.runs.find(states=[RunState.DONE], kind_prefix=COMPARE, limit=1)
    if not found:
        return []
    run = await site.runs.get(found[0].id)
    comparison = msgspec.convert(run.result, Comparison)
    return [
        Card(
            part="latency",
            title="Realtime kernel",
            body=comparison.answer,
            state=STATES[comparison.verdict],
            link=f"/runs/{run.id}",
            at=run.finished_at,
            series=[float(boot.p999_us) for boot in comparison.b.boots if boot.p999_us is not None],
            series_unit=f"{comparison.unit}, p99.9 of each boot of {comparison.b.name}",
            run_id=run.id,
        )
    ]

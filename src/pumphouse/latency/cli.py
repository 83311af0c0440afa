# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse latency`: the same comparisons as on the site, from a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.foreground import actor, execute_here, report_end
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.terminal import JsonOption, SiteOption, print_json, print_lines, say, with_site
from pumphouse.latency.bench import open_bench
from pumphouse.latency.domain.request import CompareRequest, check_request, write_title
from pumphouse.latency.kinds import COMPARE

app = App(name="latency", help="Measure the latency of kernels under load, and judge by boots.")

DEFAULTS = CompareRequest()
EXIT_ERROR = 3  # no verdict, because the boots did not measure what was asked


@app.command
def compare(
    *,
    a: Annotated[str, Parameter(help="The kernel to compare against: deb:PACKAGE or an image.")] = DEFAULTS.a,
    b: Annotated[str, Parameter(help="The kernel that is judged.")] = DEFAULTS.b,
    load: Annotated[str, Parameter(help="What runs beside the measurement: stress or idle.")] = DEFAULTS.load,
    boots: Annotated[int, Parameter(help="Boots of each kernel, 5 to 11.")] = DEFAULTS.boots,
    cycles: Annotated[int, Parameter(help="Wake-ups in each boot; whole seconds of them.")] = DEFAULTS.cycles,
    interval_us: Annotated[int, Parameter(help="Microseconds between wake-ups.")] = DEFAULTS.interval_us,
    limit_us: Annotated[
        int, Parameter(help="Count latencies above this. 0: 25,000 instructions, 400 us at shift=4.")
    ] = DEFAULTS.limit_us,
    board: Annotated[str, Parameter(help="Where they boot: qemu, or fake for a model.")] = DEFAULTS.board,
    shift: Annotated[int, Parameter(help="QEMU's icount shift: an instruction is 2^shift ns.")] = DEFAULTS.shift,
    seed: Annotated[int, Parameter(help="Decides the order of the boots. 0: the run's number.")] = DEFAULTS.seed,
    png: Annotated[Path | None, Parameter(help="Write the picture of both histograms here.")] = None,
    detach: Annotated[bool, Parameter(negative="", help="Only queue the run; a worker executes it.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> int:
    """Boot two kernels in turn, measure their latency under load, and tell whether B is better or worse than A.

    Exits with 1 where B is worse in a statistic, with 3 where too few boots measured what was asked.

    Example: pumphouse latency compare --png latency.png
    """
    request = CompareRequest(
        board=board,
        boots=boots,
        shift=shift,
        a=a,
        b=b,
        load=load,
        cycles=cycles,
        interval_us=interval_us,
        limit_us=limit_us,
        seed=seed,
    )
    check_request(request)
    open_bench(request)
    if png is not None and detach:
        raise UserError(
            "a detached run writes no picture here",
            where="--png",
            next_step="leave out --detach, or fetch it later: pumphouse runs artifact ID picture.png -o FILE",
        )
    if png is not None and not png.parent.is_dir():
        raise UserError(
            "the folder of the picture does not exist", where=str(png.parent), next_step="make it, or name another"
        )

    async def work(opened: Site) -> int:
        params = {name: getattr(request, name) for name in request.__struct_fields__}
        if detach:
            run = await opened.runs.create(kind=COMPARE, title=write_title(request), params=params, actor=actor())
            if json:
                print_json(run)
            else:
                print_lines([f"run {run.id} queued; `pumphouse runs wait {run.id}` follows it"])
            return 0
        run = await execute_here(opened, kind=COMPARE, title=write_title(request), params=params)
        if run.state is State.DONE:
            return await _show(opened, run, png=png, as_json=json)
        return report_end(run, as_json=json)

    return with_site(site, work)


async def _show(site: Site, run: Run, *, png: Path | None, as_json: bool) -> int:
    if as_json:
        print_json(run.result)
    else:
        report = await site.runs.artifact_path(run.id, "report.txt", site.artifacts)
        print_lines(report.read_text(encoding="utf-8").splitlines())
    if png is not None:
        picture = await site.runs.artifact_path(run.id, "picture.png", site.artifacts)
        png.write_bytes(picture.read_bytes())
        say(f"{png} written")
    say(f"run {run.id}; `pumphouse runs show {run.id}` tells its steps and files")
    if run.verdict == "error":
        return EXIT_ERROR
    return 1 if run.is_no else 0

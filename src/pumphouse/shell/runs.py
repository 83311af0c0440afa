# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse runs`: what the runs page shows, on the command line."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from pumphouse.core.jobs.foreground import actor, format_duration, report_end, show_progress
from pumphouse.core.jobs.records import Run, RunSummary
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.terminal import JsonOption, SiteOption, print_json, print_lines, say, with_site

app = App(name="runs", help="List, show, follow, cancel and retry runs.")

FOLLOW_S = 0.5


@app.command(name="list")
def list_runs(
    *,
    state: Annotated[list[State] | None, Parameter(help="Only these states.")] = None,
    kind: Annotated[str, Parameter(help='Only kinds that begin so, as in "latency.".')] = "",
    limit: int = 50,
    site: SiteOption = None,
    json: JsonOption = False,
) -> int:
    """List the runs, newest first.

    Example: pumphouse runs list --state running
    """

    async def work(opened: Site) -> int:
        found = await opened.runs.find(states=state or [], kind_prefix=kind, limit=limit)
        if json:
            print_json(found)
        elif found:
            print_lines(_table(found))
        else:
            say("no run yet; `pumphouse latency compare` makes one")
        return 0

    return with_site(site, work)


@app.command
def show(run_id: int, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Show one run: the answer, its steps, measurements and artifacts.

    Example: pumphouse runs show 1
    """

    async def work(opened: Site) -> int:
        runs = opened.runs
        run = await runs.get(run_id)
        steps, artifacts = await runs.steps(run_id), await runs.artifacts(run_id)
        measurements = await runs.measurements(run_id)
        if json:
            extra = {"steps": steps, "artifacts": artifacts, "measurements": measurements}
            print_json(msgspec.to_builtins(run) | msgspec.to_builtins(extra))
            return 0
        lines = [run.summary or f"{run.state}, {run.progress:.0%} {run.progress_text}".rstrip()]
        if run.error:
            lines += run.error.lines()[1:]
        lines += ["", f"run {run.id}  {run.kind}  {run.state}  {run.title}", _times(run)]
        lines += ["", *(f"  {step.state:<8} {step.name}" for step in steps)] if steps else []
        if measurements:
            lines += ["", *(f"  {item.name} {_labels(item.labels)}{item.value:g} {item.unit}" for item in measurements)]
        if artifacts:
            lines += ["", *(f"  {item.size:>12,} B  {item.name}" for item in artifacts)]
        lines += ["", f"page: {_page(opened, run_id)}"]
        print_lines(lines)
        return 0

    return with_site(site, work)


@app.command
def log(
    run_id: int,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="", help="Go on until the run ends.")] = False,
    lines: Annotated[int, Parameter(name=["--lines", "-n"], help="How many of the last lines.")] = 200,
    site: SiteOption = None,
    json: JsonOption = False,
) -> int:
    """Print a run's log.

    Example: pumphouse runs log 1 --follow
    """

    async def work(opened: Site) -> int:
        run = await opened.runs.get(run_id)
        found = await opened.runs.log_tail(run_id, limit=lines)
        if json:
            print_json(found)
            return 0
        while True:
            print_lines([f"{time.strftime('%H:%M:%S', time.localtime(line.at))} {line.text}" for line in found])
            sys.stdout.flush()
            if not follow or run.state.is_final:
                return 0
            await asyncio.sleep(FOLLOW_S)
            last = found[-1].seq if found else 0
            run = await opened.runs.get(run_id)
            found = await opened.runs.log(run_id, after=last) or found[:0]
            while run.state.is_final and len(found) >= 1000:
                print_lines([line.text for line in found])
                found = await opened.runs.log(run_id, after=found[-1].seq)

    return with_site(site, work)


@app.command
def wait(run_id: int, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Follow a run's progress until it ends; exits as the run did.

    Example: pumphouse runs wait 1
    """

    async def work(opened: Site) -> int:
        await show_progress(opened, run_id)
        return report_end(await opened.runs.get(run_id), as_json=json)

    return with_site(site, work)


@app.command
def cancel(run_id: int, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Ask for a run to end; everything that it started ends with it.

    Example: pumphouse runs cancel 1
    """

    async def work(opened: Site) -> int:
        return _told(await opened.runs.cancel(run_id, actor=actor()), as_json=json)

    return with_site(site, work)


@app.command
def retry(run_id: int, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Queue a failed or cancelled run again; it continues after the steps that are done.

    Example: pumphouse runs retry 1
    """

    async def work(opened: Site) -> int:
        return _told(await opened.runs.retry(run_id, actor=actor()), as_json=json)

    return with_site(site, work)


@app.command
def artifact(
    run_id: int,
    name: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="Where to; else standard output.")] = None,
    site: SiteOption = None,
) -> int:
    """Copy an artifact of a run to a file or to standard output.

    Example: pumphouse runs artifact 1 report.txt
    """

    async def work(opened: Site) -> int:
        content = await opened.runs.artifact_path(run_id, name, opened.artifacts)
        if output is None:
            sys.stdout.buffer.write(content.read_bytes())
        else:
            output.write_bytes(content.read_bytes())
            say(f"{output} written")
        return 0

    return with_site(site, work)


def _told(run: Run, *, as_json: bool) -> int:
    if as_json:
        print_json(run)
    else:
        asked = run.state is State.RUNNING and run.cancel_requested_by
        print_lines([f"run {run.id} {'ends now' if asked else run.state}"])
    return 0


def _table(found: list[RunSummary]) -> list[str]:
    rows = [("run", "state", "kind", "what")]
    rows += [(str(run.id), run.state, run.kind, run.summary or run.title) for run in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f"{row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}" for row in rows]


def _times(run: Run) -> str:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created_at))
    took = f", took {format_duration(run.finished_at - run.started_at)}" if run.finished_at and run.started_at else ""
    tries = f", attempt {run.attempt} of {run.max_attempts}" if run.attempt > 1 else ""
    return f"queued {began} by {run.created_by}{took}{tries}"


def _labels(labels: dict[str, str]) -> str:
    return "".join(f"{key}={value} " for key, value in labels.items())


def _page(site: Site, run_id: int) -> str:
    web = site.settings.web
    return f"{web.base_url or f'http://{web.host}:{web.port}'}/runs/{run_id}"

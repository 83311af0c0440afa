# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo workload`: what kernels are trained with and measured by."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.open import open_kernel
from pumphouse.pgo.domain.script import Trial
from pumphouse.pgo.domain.workload import Phase, Workload, list_workloads, read_workload
from pumphouse.pgo.measure import try_workload

app = App(name="workload", help="List, show and try workloads: what kernels are trained with and measured by.")

DEFAULT_KERNEL = "deb:linux-image-amd64"
WIDTH = 80


@app.command(name="list")
def list_(*, json: JsonOption = False) -> int:
    """List the workloads that ship with Pumphouse.

    Example: pumphouse pgo workload list
    """
    workloads = [read_workload(name) for name in list_workloads()]
    if json:
        print_json([{"name": workload.name} | _describe(workload) for workload in workloads])
        return 0
    for workload in workloads:
        counts = f"{len(workload.phases)} phases: {len(workload.trained)} trained, {len(workload.held_back)} held back"
        summary = textwrap.wrap(workload.summary, WIDTH - 11)
        print_lines([f"{workload.name:<10} {summary[0]}", *(f"{'':<10} {line}" for line in [*summary[1:], counts])])
    say("`pumphouse pgo workload show NAME` prints the file; copy it to write your own")
    return 0


@app.command
def show(
    workload: Annotated[str, Parameter(help="A name, or a file: ./mine.toml.")], *, json: JsonOption = False
) -> int:
    """Print a workload's file, checked: a model for your own.

    Example: pumphouse pgo workload show redis
    """
    found = read_workload(workload)
    if json:
        print_json({"name": found.name} | _describe(found))
    else:
        print_lines(Path(found.path).read_text(encoding="utf-8").splitlines())
        say(found.path)
    return 0


@app.command
def check(
    workload: Annotated[str, Parameter(help="A name, or a file: ./mine.toml.")],
    *,
    kernel: Annotated[str, Parameter(help="What to boot: deb:PACKAGE, src:TREE or an image.")] = DEFAULT_KERNEL,
    json: JsonOption = False,
) -> int:
    """Boot a kernel once, run every phase, and tell whether each was done. Exits with 1 where one was not.

    Example: pumphouse pgo workload check redis
    """
    found = read_workload(workload)

    async def work() -> tuple[Kernel, Trial]:
        booted = await open_kernel(kernel, progress=_Told())
        return booted, await try_workload(booted, found, progress=_Told())

    booted, trial = asyncio.run(work())
    if json:
        print_json(_describe_trial(found, booted, trial))
    else:
        print_lines(write_trial(found, booted.release, trial))
    return 0 if trial.is_done else 1


def write_trial(workload: Workload, release: str, trial: Trial) -> list[str]:
    """What one boot did of a workload, for a terminal: the answer, each phase, and the end of what failed ones said."""
    bad = [phase.name for phase in trial.phases if not phase.done]
    if trial.is_done:
        answer = f"{workload.name}: all {len(trial.phases)} phases were done on {release}"
    elif trial.failed_step:
        answer = f"{workload.name}: its {trial.failed_step} failed on {release}, so no phase ran"
    else:
        answer = f"{workload.name}: {len(bad)} of {len(trial.phases)} phases not done on {release}: {', '.join(bad)}"
    lines = [*textwrap.wrap(answer, WIDTH), ""]
    width = max(len(phase.name) for phase in trial.phases)
    for phase in trial.phases:
        kind = "trained" if phase.trained else "held back"
        end = f"done {phase.guest_ns / 1e6:>9,.1f} virtual ms" if phase.done else "not done"
        lines.append(f"  {phase.name:<{width}}  {kind:<9}  {end}")
        if phase.why and not trial.failed_step:
            lines += textwrap.wrap(phase.why, WIDTH, initial_indent="      ", subsequent_indent="      ")
        lines += [f"      | {line}"[:WIDTH] for line in phase.said.splitlines()[-5:]]
    lines += [f"  | {line}"[:WIDTH] for line in trial.said.splitlines()[-8:]]
    return lines


def _describe(workload: Workload) -> dict[str, object]:
    def describe_phase(phase: Phase) -> dict[str, object]:
        return {
            "name": phase.name,
            "trained": phase.trained,
            "command": phase.command,
            "done": phase.done,
            "repeat": phase.repeat,
        }

    return {
        "summary": workload.summary,
        "path": workload.path,
        "mix": workload.mix,
        "memory_mb": workload.memory_mb,
        "programs": workload.programs,
        "phases": [describe_phase(phase) for phase in workload.phases],
    }


def _describe_trial(workload: Workload, kernel: Kernel, trial: Trial) -> dict[str, object]:
    return {
        "workload": workload.name,
        "kernel": kernel.release,
        "source": kernel.source,
        "done": trial.is_done,
        "failed_step": trial.failed_step,
        "said": trial.said,
        "phases": [
            {
                "name": phase.name,
                "trained": phase.trained,
                "done": phase.done,
                "guest_ms": round(phase.guest_ns / 1e6, 3),
                "why": phase.why,
                "said": phase.said,
            }
            for phase in trial.phases
        ],
    }


class _Told:
    """Progress as lines on standard error."""

    def log(self, text: str) -> None:
        say(text)

    def advance(self, fraction: float, text: str = "") -> None:
        pass

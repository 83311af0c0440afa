# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Ask the running kernel what its extensible system calls support.

    from pumphouse.syscalls.probe import probe
    report = probe(["openat2"])
    report.call("openat2").word("open_how.resolve").mask

No path is walked, no process, descriptor or mount is left, and nothing outside of a short-lived child process changes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

import msgspec

from pumphouse.syscalls import report_cache
from pumphouse.syscalls.domain.probe.engine import Declared, run_plan
from pumphouse.syscalls.domain.probe.plan import CallPlan
from pumphouse.syscalls.domain.probe.report import CallReport, Presence, Report
from pumphouse.syscalls.kernel import RunningKernel
from pumphouse.syscalls.kernel_features import find_declarations
from pumphouse.syscalls.recipes import choose_plans
from pumphouse.syscalls.sacrifice import Ended, Sacrifice

__all__ = ["Report", "probe", "probe_plans"]

_PR_SET_NO_NEW_PRIVS = 38


def probe(names: Sequence[str] | None = None, *, cache: bool = True, declared: Declared | None = None) -> Report:
    """What the kernel answers to this process for the calls that are named, or for all that have a recipe.

    With `cache` an answer of the same boot, kernel, filters, rights, namespaces and recipes is used and kept.
    What the kernel itself declares (sys_features, or `declared`) has precedence over trials. Raises UserError for a
    name without a recipe, InfraError where the machine has no numbers in the recipes.
    """
    if cache and declared is None:
        kept = report_cache.read(names)
        if kept is not None:
            return kept
    report = probe_plans(choose_plans(names), declared=declared)
    if cache and declared is None and not names:
        report_cache.keep(report)
    return report


def probe_plans(plans: Sequence[CallPlan], *, declared: Declared | None = None) -> Report:
    """Run plans on the running kernel, each in a child that may die of it."""
    started = time.perf_counter()
    with contextlib.suppress(OSError):  # no child can be made: the trials tell it
        declared = declared or find_declarations()
    kernel = RunningKernel()
    name = os.uname()
    answers: dict[int, CallReport] = {}

    def ask(index: int, careful: bool) -> bytes:  # noqa: FBT001 - the shape of Sacrifice
        return msgspec.msgpack.encode(run_plan(plans[index], kernel, declared, presence_only=careful))

    def prepare() -> None:
        # landlock_restrict_self() asks for it before it looks at its flags.
        kernel.call(157 if kernel.machine == "x86_64" else 167, (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0))

    try:
        for index, answer in Sacrifice(ask, prepare).run(range(len(plans))):
            answers[index] = (
                _judge_end(plans[index], answer)
                if isinstance(answer, Ended)
                else msgspec.msgpack.decode(answer, type=CallReport)
            )
    except OSError as error:
        for index, plan in enumerate(plans):
            how = f"no child: {error.strerror}"
            answers.setdefault(index, CallReport(name=plan.name, presence=Presence.UNDECIDED, how=how))
    finally:
        kernel.close()
    return Report(
        release=name.release,
        version=name.version,
        machine=name.machine,
        elapsed_ms=round((time.perf_counter() - started) * 1e3, 3),
        cached=False,
        calls=tuple(answers[index] for index in range(len(plans))),
    )


def _judge_end(plan: CallPlan, end: Ended) -> CallReport:
    """What the end of a child tells: SIGSYS comes from a filter, SIGALRM from a call that did not return."""
    if end.early:
        return CallReport(name=plan.name, presence=Presence.UNDECIDED, how="killed before any trial")
    if end.signal in (signal.SIGSYS, signal.SIGKILL):
        return CallReport(name=plan.name, presence=Presence.SECCOMP, how="killed")
    how = "no answer" if end.signal == signal.SIGALRM else f"the child ended by signal {end.signal}"
    return CallReport(name=plan.name, presence=Presence.UNDECIDED, how=how)

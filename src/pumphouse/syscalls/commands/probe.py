# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls probe`: what the running kernel supports."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.terminal import JsonOption, print_json, print_lines
from pumphouse.syscalls.domain.probe.text import write_report
from pumphouse.syscalls.probe import probe as probe_kernel


def probe(
    *names: Annotated[str, Parameter(help="Calls to ask for. Without one: all that have a recipe.")],
    cache: Annotated[
        bool, Parameter(name="--cache", negative="--no-cache", help="Use an answer of this boot and process rights.")
    ] = True,
    json: JsonOption = False,
) -> int:
    """Ask the running kernel for the struct size and every flag of its extensible calls, without using them.

    Exits with 1 where a call that was named cannot be used by this process.

    Example: pumphouse syscalls probe openat2
    """
    report = probe_kernel(names or None, cache=cache)
    if json:
        print_json(report.to_data())
    else:
        print_lines(write_report(report, detailed=bool(names)))
    return 1 if names and any(call.presence != "present" for call in report.calls) else 0

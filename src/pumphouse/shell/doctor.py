# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse doctor`: what this machine can do, for which part, and how to get what is missing."""

from __future__ import annotations

from pumphouse.core.doctor import Check, Diagnosis, core_checks, diagnose
from pumphouse.core.parts import find_parts, resolve
from pumphouse.core.terminal import JsonOption, print_json, print_lines
from pumphouse.lab.doctor import lab_checks

MARKS = {"ok": "ok     ", "limited": "limited", "missing": "missing"}


def all_checks() -> list[Check]:
    """The checks of core, lab and every part that declares some."""
    checks = [*core_checks(), *lab_checks()]
    for part in find_parts():
        if part.doctor:
            checks += resolve(part.doctor)()
    return checks


def doctor(*, json: JsonOption = False) -> int:
    """Show what this machine can do, and the remedy for what it cannot. Exits 0: a missing thing is not a fault.

    Example: pumphouse doctor
    """
    found = [diagnose(check) for check in all_checks()]
    if json:
        print_json(found)
        return 0
    lacking = [item for item in found if item.grade != "ok"]
    answer = f"{len(found) - len(lacking)} of {len(found)} things are there"
    print_lines([answer if lacking else f"all {len(found)} things are there", ""])
    for item in found:
        print_lines(_lines(item))
    return 0


def _lines(item: Diagnosis) -> list[str]:
    lines = [f"{MARKS[item.grade]}  {item.name:<16} {item.needed_by:<12} {item.detail}"]
    if item.remedy:
        lines += [f"{'':9}{'':16} for: {item.purpose}", f"{'':9}{'':16} get: {item.remedy}"]
    return lines

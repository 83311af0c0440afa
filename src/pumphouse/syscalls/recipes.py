# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The recipes that ship with the part: one file for each call in data/recipes."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pumphouse.core.errors import InfraError, UserError
from pumphouse.syscalls.domain.probe.plan import CallPlan
from pumphouse.syscalls.domain.probe.read import read_recipe

FOLDER = Path(__file__).parent / "data" / "recipes"


@cache
def read_recipes() -> dict[str, CallPlan]:
    """The plan of each call, by its name, in order. Raises UserError for a recipe that cannot be run."""
    try:
        files = sorted(FOLDER.glob("*.toml"))
        plans = [read_recipe(file.read_text(encoding="utf-8"), f"data/recipes/{file.name}") for file in files]
    except OSError as error:
        raise InfraError(
            "the recipes cannot be read",
            where=str(FOLDER),
            why="the process has no descriptors left" if error.errno == errno.EMFILE else str(error),
            next_step="raise RLIMIT_NOFILE, or probe once before the descriptors are used up",
        ) from error
    return {plan.name: plan for plan in plans}


def choose_plans(names: Sequence[str] | None) -> list[CallPlan]:
    """The plans of the calls that are named, all without names. Raises UserError for a name without a recipe."""
    plans = read_recipes()
    for name in names or ():
        if name not in plans:
            close = difflib.get_close_matches(name, plans, n=1)
            raise UserError(
                f"there is no recipe for {name}",
                where=name,
                why="a call is probed by the recipe of its name in data/recipes",
                next_step=f"did you mean {close[0]}?" if close else f"choose from {', '.join(plans)}",
            )
    return [plan for plan in plans.values() if names is None or not names or plan.name in names]


def recipes_fingerprint() -> str:
    """Changes when a recipe does. It is made of names, sizes and times: reading all would take too long."""
    parts = []
    with os.scandir(FOLDER) as entries:
        for entry in entries:
            seen = entry.stat()
            parts.append(f"{entry.name} {seen.st_size} {seen.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The family of statistics, its alpha, and how many boots it takes. Imports no numpy: the web process reads it."""

from __future__ import annotations

from pumphouse.core.errors import UserError
from pumphouse.core.relabelings import count_relabelings, smallest_group_size

ALPHA = 0.025  # of each of the two questions
TOP = 30
STATISTIC_NAMES = ("p50", "p99.9", f"top-{TOP} mean")


def smallest_boots() -> int:
    """The smallest k for which k against k boots can give a verdict."""
    return smallest_group_size(ALPHA / len(STATISTIC_NAMES))


def can_decide(boots_a: int, boots_b: int) -> bool:
    """Whether so many boots can pass Holm's first step at all."""
    return min(boots_a, boots_b) > 0 and 1 / count_relabelings(boots_a, boots_b) <= ALPHA / len(STATISTIC_NAMES)


def refuse_few_boots(boots_a: int, boots_b: int) -> None:
    """Raise UserError where so many boots could never give a verdict, and tell how many could."""
    if can_decide(boots_a, boots_b):
        return
    floor = 1 / count_relabelings(boots_a, boots_b) if min(boots_a, boots_b) > 0 else 1.0
    least = smallest_boots()
    raise UserError(
        f"{boots_a} against {boots_b} boots cannot show a difference",
        where="--boots",
        why=f"their smallest possible p is {floor:.3g}, and the first of three tests at {ALPHA} needs "
        f"{ALPHA / len(STATISTIC_NAMES):.3g}",
        next_step=f"use --boots {least} or more",
    )

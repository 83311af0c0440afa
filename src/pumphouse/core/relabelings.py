# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How many ways there are to deal values into two groups, and what that means for a p-value. Imports no numpy."""

from __future__ import annotations

import math

from pumphouse.core.errors import UserError

MAX_RELABELINGS = 1_000_000  # 11 against 11 has 705,432; beyond that nobody waits for an exact answer


def count_relabelings(n_a: int, n_b: int) -> int:
    """The number of ways to deal n_a + n_b values into groups of n_a and n_b."""
    return math.comb(n_a + n_b, n_b)


def smallest_group_size(alpha: float) -> int:
    """The smallest k for which k against k values can give a one-sided p of at most `alpha`.

    4 for 1/70 <= 0.0143, 5 for 1/252 <= 0.00833, and so on. Raises UserError where alpha is not above 0 and below 1,
    or so small that the exact test would need more than MAX_RELABELINGS.
    """
    if not 0 < alpha < 1:
        raise UserError(
            f"an alpha of {alpha:g} has no meaning", why="it is a probability above 0 and below 1", next_step="use 0.05"
        )
    k = 1
    while 1 / count_relabelings(k, k) > alpha:
        k += 1
    if count_relabelings(k, k) > MAX_RELABELINGS:
        raise UserError(
            f"an alpha of {alpha:g} is out of reach of an exact test",
            why=f"{k} against {k} have {count_relabelings(k, k):,} relabelings; the limit is {MAX_RELABELINGS:,}",
            next_step="use a larger alpha",
        )
    return k

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Exact statistics for few replications: permutation tests, their intervals, Holm, and bounds on rates.

Everything here is for two groups of a handful of values (boots, builds, runs), one number each, and rests on one
assumption only: if nothing changed, every way to deal the values into the two groups was equally likely. All
C(n_a + n_b, n_b) ways are enumerated, so p is exact, never sampled and the same on every machine. Nothing here draws
a random number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt

from pumphouse.core.errors import UserError
from pumphouse.core.relabelings import MAX_RELABELINGS, count_relabelings

TIE = 1e-12  # sums of the same numbers in another order differ by rounding only; below this share they are ties

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PermutationTest:
    """The exact permutation test of "b is not different from a" on the difference of means, b minus a.

    Each p is the share of all relabelings, the real one included, whose difference is at least as far out; ties count
    against significance. So no p is ever below `floor`, and under exchangeability P(p <= alpha) <= alpha.
    """

    difference: float  # mean(b) - mean(a), in the unit of the values
    p_greater: float  # of the alternative that b is greater
    p_less: float  # of the alternative that b is less
    p_two_sided: float  # of the alternative that b is different, by the absolute difference
    relabelings: int
    floor: float  # the smallest one-sided p that these group sizes can give: 1 / relabelings


def run_permutation_test(a: Sequence[float], b: Sequence[float]) -> PermutationTest:
    """The exact permutation test of the values `b` against the values `a` (any order within a group).

    Raises UserError where a group is empty, a value is not finite, or the relabelings exceed MAX_RELABELINGS.
    Source: Fisher 1935, "The Design of Experiments", section 21; Phipson and Smyth 2010 for counting the real one.
    """
    pooled = _pool(a, b)
    relabeled = _relabelings(len(a), len(b))
    sums_b = pooled[relabeled].sum(axis=1)  # row 0 is not the real labeling: see _relabelings
    n_a, n_b, total = len(a), len(b), pooled.sum()
    differences = sums_b / n_b - (total - sums_b) / n_a
    observed = differences[-1]
    slack = TIE * float(np.abs(pooled).max())
    n = len(differences)
    return PermutationTest(
        difference=float(observed),
        p_greater=int((differences >= observed - slack).sum()) / n,
        p_less=int((differences <= observed + slack).sum()) / n,
        p_two_sided=int((np.abs(differences) >= abs(observed) - slack).sum()) / n,
        relabelings=n,
        floor=1 / n,
    )


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A closed interval; a side that the data cannot bound is infinite."""

    low: float
    high: float


def invert_permutation_test(a: Sequence[float], b: Sequence[float], *, alpha: float) -> Interval:
    """The interval of all shifts d for which "b is a moved by d" is not refused by either one-sided test at `alpha`.

    Its coverage is at least 1 - 2 alpha under that model. It is exact and in closed form: a relabeling that swaps m
    values reaches the observed difference exactly at d = mean of the m values given away by b minus mean of those
    taken from a, so each limit is an order statistic of those differences. A side is infinite where the groups are
    too small for alpha. On logarithms the limits are those of the logarithm of a ratio.
    Source: Lehmann 1975, "Nonparametrics", section 2.6 (tests turned into intervals); Tritchler 1984, JASA 79:361.
    """
    pooled = _pool(a, b)
    relabeled = _relabelings(len(a), len(b))
    sums_b = pooled[relabeled].sum(axis=1)
    swapped = (relabeled < len(a)).sum(axis=1)
    moved = swapped > 0
    critical = np.sort((sums_b[-1] - sums_b[moved]) / swapped[moved])
    rank = math.floor(alpha * len(relabeled) * (1 + TIE))
    if rank == 0 or rank > len(critical):
        return Interval(low=-math.inf, high=math.inf)
    return Interval(low=float(critical[rank - 1]), high=float(critical[-rank]))


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number by Holm's step-down procedure, in the order given.

    Refusing every hypothesis whose adjusted p is at most alpha keeps the chance of any false refusal in the family at
    or below alpha, whatever the dependence. Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def bound_rate(events: int, trials: int, *, confidence: float = 0.95) -> float:
    """The one-sided upper bound on a rate after `events` in `trials` independent trials (Clopper and Pearson, 1934).

    For no event it is 1 - (1 - confidence)^(1/trials), which is about 3/trials at 0.95: the rule of three (Hanley and
    Lippman-Hand 1983, JAMA 249:1743). 1.0 where every trial was an event or there was none.
    Raises UserError where the counts or the confidence have no meaning.
    """
    if events < 0 or trials < events or not 0 < confidence < 1:
        raise UserError(
            f"{events} events in {trials} trials at confidence {confidence:g} have no meaning",
            why="the events are among the trials, and a confidence is above 0 and below 1",
        )
    if events == trials:
        return 1.0
    miss = 1 - confidence
    if events == 0:
        return -math.expm1(math.log(miss) / trials)
    steps = np.arange(1, events + 1, dtype=np.float64)
    log_choose = np.concatenate(([0.0], np.cumsum(np.log((trials - steps + 1) / steps))))
    counts = np.arange(events + 1, dtype=np.float64)
    low, high = events / trials, 1.0
    for _ in range(100):
        rate = (low + high) / 2
        if rate in (low, high):
            break
        logs = log_choose + counts * math.log(rate) + (trials - counts) * math.log1p(-rate)
        peak = float(logs.max())
        at_most = peak + math.log(float(np.exp(logs - peak).sum()))
        low, high = (rate, high) if at_most > math.log(miss) else (low, rate)
    return high


def _pool(a: Sequence[float], b: Sequence[float]) -> Floats:
    pooled = np.asarray([*a, *b], dtype=np.float64)
    if len(a) == 0 or len(b) == 0 or not np.isfinite(pooled).all():
        raise UserError(
            "the two groups cannot be compared",
            where=f"{len(a)} values against {len(b)}",
            why="each group needs a value, and every value must be a finite number",
        )
    if count_relabelings(len(a), len(b)) > MAX_RELABELINGS:
        raise UserError(
            f"{len(a)} against {len(b)} values are too many for an exact test",
            why=f"that is {count_relabelings(len(a), len(b)):,} relabelings; the limit is {MAX_RELABELINGS:,}",
            next_step="compare at most 11 against 11",
        )
    return pooled


@lru_cache(maxsize=8)
def _relabelings(n_a: int, n_b: int) -> npt.NDArray[np.int16]:
    """Every choice of the n_b places of group b among the pooled values (a first), one row each, the real one last.

    `combinations` gives them in lexicographic order, whose last is the highest places: group b as it was.
    """
    choices = chain.from_iterable(combinations(range(n_a + n_b), n_b))
    rows = np.fromiter(choices, dtype=np.int16, count=count_relabelings(n_a, n_b) * n_b).reshape(-1, n_b)
    rows.flags.writeable = False
    return rows

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A histogram of whole-numbered values in which nothing is lost: what did not fit its width still counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pumphouse.core.errors import UserError

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """A value of the histogram, or, where `beyond` is set, only the bound that it reaches or exceeds."""

    value: int
    beyond: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Histogram:
    """Counts of whole-numbered values below `width`, with the number of those at or above it and the largest of all.

    `values` rise strictly and `counts` are above 0, so that equal contents have equal arrays. Of the `overflow`
    values at or above `width`, only the largest is known: `maximum`. Both are 0 for an empty histogram.
    """

    values: Integers
    counts: Integers
    width: int
    overflow: int
    maximum: int

    @property
    def total(self) -> int:
        """How many values went in, those at or above the width included."""
        return int(self.counts.sum()) + self.overflow

    @property
    def minimum(self) -> int:
        """The smallest value; the width where nothing fell below it, and 0 where nothing went in."""
        if self.counts.size:
            return int(self.values[0])
        return self.width if self.overflow else 0

    def find_quantile(self, share: float | Fraction) -> Quantile:
        """The smallest value that at least `share` of all values do not exceed (the nearest rank).

        The rank counts the overflow. Where the rank falls into it, the answer is `beyond` the width, except for the
        last rank, which is the maximum. Raises UserError for an empty histogram or a share outside (0, 1].
        """
        exact = Fraction(str(share)) if isinstance(share, float) else share
        if not 0 < exact <= 1:
            raise UserError(f"a quantile of {float(share):g} does not exist", why="it is above 0 and at most 1")
        if self.total == 0:
            raise UserError("a histogram with nothing in it has no quantiles")
        rank = math.ceil(exact * self.total)
        inside = int(self.counts.sum())
        if rank <= inside:
            return Quantile(value=int(self.values[int(np.searchsorted(np.cumsum(self.counts), rank))]))
        if rank == self.total:
            return Quantile(value=self.maximum)
        return Quantile(value=self.width, beyond=True)

    def average_top(self, k: int) -> tuple[float, bool]:
        """The mean of the k largest values, and whether it is only a lower bound.

        With one value in the overflow the mean is exact (it is the maximum); with more, each other one counts as the
        width, its least. Raises UserError where fewer than k values went in, or k is below 1.
        """
        if not 1 <= k <= self.total:
            raise UserError(f"the mean of the {k} largest of {self.total} values does not exist")
        from_overflow = min(k, self.overflow)
        total = self.maximum + (from_overflow - 1) * self.width if from_overflow else 0
        left = k - from_overflow
        falling = self.counts[::-1]
        before = np.concatenate(([0], np.cumsum(falling)[:-1])) if falling.size else falling
        taken = np.clip(left - before, 0, falling)
        total += int((taken * self.values[::-1]).sum())
        return total / k, from_overflow > 1

    def count_above(self, limit: int) -> int:
        """How many values are greater than `limit`. Raises UserError where the overflow hides the answer."""
        inside = int(self.counts[self.values > limit].sum())
        if limit < self.width or self.overflow == 0:
            return inside + self.overflow
        if limit >= self.maximum:
            return inside
        if self.overflow == 1:
            return inside + 1
        raise UserError(
            f"how many values are above {limit} cannot be known",
            why=f"{self.overflow} values are at or above the histogram's width {self.width} and were not told apart",
            next_step=f"measure with a histogram wider than {limit}, or ask for a limit below {self.width}",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return (
            (self.width, self.overflow, self.maximum) == (other.width, other.overflow, other.maximum)
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays; two equal histograms are found by ==


def build_histogram(
    counts: Mapping[int, int] | tuple[Integers, Integers], *, width: int, overflow: int, maximum: int
) -> Histogram:
    """The histogram of counts by value (a mapping, or rising values with their counts).

    It must not contradict itself: raises UserError where a value is outside [0, width), a count is negative, or the
    maximum does not agree with what is in the bins and in the overflow.
    """
    if isinstance(counts, tuple):
        values, amounts = counts
    else:
        pairs = sorted(counts.items())
        values = np.asarray([value for value, _ in pairs], dtype=np.int64)
        amounts = np.asarray([amount for _, amount in pairs], dtype=np.int64)
    if amounts.size and int(amounts.min()) < 0:
        raise UserError("a histogram counts below zero", where=f"value {int(values[int(amounts.argmin())])}")
    if overflow < 0:
        raise UserError(f"the overflow of a histogram is {overflow}", why="it is a count and cannot be below zero")
    filled = amounts > 0
    values, amounts = values[filled], amounts[filled]
    if values.size and (int(values[0]) < 0 or int(values[-1]) >= width or bool((np.diff(values) <= 0).any())):
        raise UserError(
            "the values of a histogram do not rise within its width",
            where=f"values {int(values[0])} to {int(values[-1])}, width {width}",
        )
    top = int(values[-1]) if values.size else 0
    if (overflow == 0 and maximum != top) or (overflow > 0 and maximum < width):
        raise UserError(
            f"the maximum {maximum} contradicts the histogram",
            why=f"its highest filled bin is {top}, its width {width}, and {overflow} values are beyond the width",
        )
    return Histogram(values=values, counts=amounts, width=width, overflow=overflow, maximum=maximum)


def merge_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """All the values of several histograms of the same width in one. Raises UserError for none, or different widths."""
    parts = list(histograms)
    widths = {part.width for part in parts}
    if len(widths) != 1:
        raise UserError(
            "these histograms cannot be put together",
            why=f"they have {len(widths)} different widths: {', '.join(map(str, sorted(widths))) or 'there are none'}",
        )
    values = np.unique(np.concatenate([part.values for part in parts]))
    counts = np.zeros(values.size, dtype=np.int64)
    for part in parts:
        counts[np.searchsorted(values, part.values)] += part.counts
    return Histogram(
        values=values,
        counts=counts,
        width=widths.pop(),
        overflow=sum(part.overflow for part in parts),
        maximum=max(part.maximum for part in parts),
    )

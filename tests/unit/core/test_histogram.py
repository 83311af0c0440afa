# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Histograms: what is beyond the width counts, and is never turned into a number that nobody measured."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.core.histogram import Histogram, Quantile, build_histogram, merge_histograms

pytestmark = pytest.mark.unit

WIDTH = 20
samples = st.lists(st.integers(0, 40), min_size=1, max_size=60)
shares = st.fractions(Fraction(1, 1000), Fraction(1))


def collect(values: list[int], width: int = WIDTH) -> Histogram:
    """The histogram of samples as a program with bins of 1 below `width` would record them."""
    counts: dict[int, int] = {}
    for value in values:
        if value < width:
            counts[value] = counts.get(value, 0) + 1
    return build_histogram(
        counts, width=width, overflow=sum(value >= width for value in values), maximum=max(values, default=0)
    )


@given(samples, shares)
def test_a_quantile_is_the_nearest_rank_or_says_that_it_is_beyond_the_width(values: list[int], share: Fraction) -> None:
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    found = collect(values).find_quantile(share)
    if found.beyond:
        assert true >= found.value == WIDTH
    else:
        assert found.value == true


def test_an_overflowing_histogram_counts_in_the_percentiles() -> None:
    # The case of a published capture: percentiles over the bins alone say 12 where the truth is beyond the width.
    histogram = build_histogram({2: 900_000, 12: 99_900}, width=100, overflow=100, maximum=108)
    assert histogram.find_quantile(0.9999) == Quantile(value=12)
    assert histogram.find_quantile(0.99991) == Quantile(value=100, beyond=True)
    assert histogram.find_quantile(1.0) == Quantile(value=108)


@given(samples, st.integers(1, 60))
def test_the_mean_of_the_largest_is_exact_or_marked_as_a_lower_bound(values: list[int], k: int) -> None:
    assume(k <= len(values))
    true = sum(sorted(values)[-k:]) / k
    mean, is_bound = collect(values).average_top(k)
    if is_bound:
        assert mean <= true
        assert sum(value >= WIDTH for value in values) > 1
    else:
        assert mean == pytest.approx(true)


@given(samples, st.integers(0, 45))
def test_the_count_above_a_limit_is_right_or_refused(values: list[int], limit: int) -> None:
    histogram = collect(values)
    try:
        counted = histogram.count_above(limit)
    except UserError:
        assert limit >= WIDTH
        assert histogram.overflow > 1
    else:
        assert counted == sum(value > limit for value in values)


@given(st.lists(samples, min_size=1, max_size=4))
def test_merging_is_the_same_as_recording_everything_in_one(parts: list[list[int]]) -> None:
    merged = merge_histograms(collect(part) for part in parts)
    assert merged == collect([value for part in parts for value in part])


def test_bins_given_as_arrays_lose_their_empty_ones() -> None:
    histogram = build_histogram((np.arange(5), np.asarray([0, 3, 0, 1, 0])), width=5, overflow=0, maximum=3)
    assert histogram == build_histogram({1: 3, 3: 1}, width=5, overflow=0, maximum=3)
    assert (histogram.minimum, histogram.maximum, histogram.total) == (1, 3, 4)


def test_an_empty_histogram_has_a_total_and_no_quantile() -> None:
    empty = build_histogram({}, width=10, overflow=0, maximum=0)
    assert (empty.total, empty.minimum) == (0, 0)
    with pytest.raises(UserError):
        empty.find_quantile(0.5)


def test_a_histogram_with_everything_beyond_its_width_says_so() -> None:
    beyond = build_histogram({}, width=10, overflow=3, maximum=50)
    assert beyond.minimum == 10
    assert beyond.find_quantile(0.5) == Quantile(value=10, beyond=True)
    assert beyond.average_top(3) == ((50 + 10 + 10) / 3, True)


@pytest.mark.parametrize(
    ("counts", "overflow", "maximum"),
    [
        ({3: 1}, 0, 4),  # the maximum is not in the bins
        ({3: 1}, 0, 12),  # beyond the width, yet nothing overflowed
        ({3: 1}, 1, 9),  # something overflowed, yet the maximum is inside
        ({3: -1}, 0, 0),
        ({-1: 1}, 0, 0),
        ({10: 1}, 0, 10),
        ({3: 1}, -1, 3),
        ({}, 0, 5),
    ],
)
def test_a_histogram_that_contradicts_itself_is_refused(counts: dict[int, int], overflow: int, maximum: int) -> None:
    with pytest.raises(UserError):
        build_histogram(counts, width=10, overflow=overflow, maximum=maximum)


def test_values_that_do_not_rise_are_refused() -> None:
    with pytest.raises(UserError, match="rise"):
        build_histogram((np.asarray([3, 2]), np.asarray([1, 1])), width=10, overflow=0, maximum=3)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_a_quantile_that_does_not_exist_is_refused(share: float) -> None:
    with pytest.raises(UserError):
        collect([1]).find_quantile(share)


@pytest.mark.parametrize("k", [0, 2])
def test_the_mean_of_more_than_there_is_is_refused(k: int) -> None:
    with pytest.raises(UserError):
        collect([1]).average_top(k)


def test_histograms_of_different_widths_are_not_put_together() -> None:
    with pytest.raises(UserError, match="2 different widths"):
        merge_histograms([collect([1], 10), collect([1], 20)])
    with pytest.raises(UserError):
        merge_histograms([])
    assert collect([1]) != "a histogram"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The exact tests: known values, and the promises that hold for every data set."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core import relabelings, stats
from pumphouse.core.errors import UserError

pytestmark = pytest.mark.unit

# Whole numbers, so that sums in any order are equal exactly; few different ones, so that ties are common.
values = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=4)
pairs = st.tuples(values, values)
alphas = st.sampled_from([0.01, 0.025, 0.05, 0.1, 0.2, 0.5])


def relabel_all(a: list[float], b: list[float]) -> list[tuple[list[float], list[float]]]:
    pooled = [*a, *b]
    places = range(len(pooled))
    return [
        ([pooled[i] for i in places if i not in chosen], [pooled[i] for i in chosen])
        for chosen in combinations(places, len(b))
    ]


@pytest.mark.parametrize(("k", "floor"), [(2, 1 / 6), (3, 1 / 20), (4, 1 / 70), (5, 1 / 252), (8, 1 / 12_870)])
def test_full_separation_gives_the_smallest_possible_p(k: int, floor: float) -> None:
    test = stats.run_permutation_test([1.0 + i for i in range(k)], [100.0 + i for i in range(k)])
    assert test.p_greater == test.floor == pytest.approx(floor)
    assert test.p_two_sided == pytest.approx(2 * floor)
    assert test.p_less == 1.0
    assert test.difference == pytest.approx(99.0)


def test_p_agrees_with_a_count_by_hand() -> None:
    # {1, 4} against {3, 5}: of the six differences of means only {4, 5} against {1, 3} is larger, none ties.
    test = stats.run_permutation_test([1.0, 4.0], [3.0, 5.0])
    assert test.p_greater == pytest.approx(2 / 6)
    assert test.p_less == pytest.approx(5 / 6)
    assert test.p_two_sided == pytest.approx(4 / 6)


def test_equal_values_everywhere_are_no_evidence() -> None:
    test = stats.run_permutation_test([7.1] * 5, [7.1] * 5)
    assert (test.p_greater, test.p_less, test.p_two_sided) == (1.0, 1.0, 1.0)


def test_ties_that_rounding_would_break_are_counted() -> None:
    # The same six numbers: 0.1 + 0.2 + 0.3 depends on the order of the sum, the p-value must not.
    test = stats.run_permutation_test([0.3, 0.2, 0.1], [0.1, 0.3, 0.2])
    assert test.p_greater == test.p_less


@given(pairs, alphas)
def test_the_share_of_labelings_with_p_at_most_alpha_is_at_most_alpha(
    pair: tuple[list[float], list[float]], alpha: float
) -> None:
    tests = [stats.run_permutation_test(a, b) for a, b in relabel_all(*pair)]
    for name in ("p_greater", "p_less", "p_two_sided"):
        assert sum(getattr(test, name) <= alpha for test in tests) <= alpha * len(tests)


@given(pairs, alphas)
def test_the_family_after_holm_raises_at_most_alpha_false_alarms(
    pair: tuple[list[float], list[float]], alpha: float
) -> None:
    def family(a: list[float], b: list[float]) -> list[float]:
        shapes = (lambda v: v, lambda v: v * v, lambda v: -abs(v - 6))
        return [stats.run_permutation_test([f(v) for v in a], [f(v) for v in b]).p_greater for f in shapes]

    labelings = relabel_all(*pair)
    alarms = sum(min(stats.adjust_holm(family(a, b))) <= alpha for a, b in labelings)
    assert alarms <= alpha * len(labelings)


@given(pairs)
def test_exchanging_the_groups_exchanges_the_two_sides(pair: tuple[list[float], list[float]]) -> None:
    a, b = pair
    there, back = stats.run_permutation_test(a, b), stats.run_permutation_test(b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.p_greater, there.p_two_sided) == (back.p_less, back.p_two_sided)


@given(st.lists(st.integers(0, 12).map(float), min_size=8, max_size=8))
def test_with_equal_groups_two_sides_are_twice_the_smaller_one(pooled: list[float]) -> None:
    test = stats.run_permutation_test(pooled[:4], pooled[4:])
    if test.difference == 0:
        assert test.p_two_sided == 1.0
    else:
        assert test.p_two_sided == pytest.approx(2 * min(test.p_greater, test.p_less))


@given(pairs, st.integers(1, 50), st.integers(-50, 50))
def test_p_does_not_change_with_the_unit_or_the_origin(
    pair: tuple[list[float], list[float]], scale: int, origin: int
) -> None:
    a, b = pair
    moved = stats.run_permutation_test([v * scale + origin for v in a], [v * scale + origin for v in b])
    assert moved.p_greater == stats.run_permutation_test(a, b).p_greater


@given(pairs, st.integers(0, 3), st.integers(1, 20))
def test_raising_a_value_of_b_never_weakens_the_evidence_that_b_is_greater(
    pair: tuple[list[float], list[float]], place: int, more: int
) -> None:
    a, b = pair
    raised = list(b)
    raised[place % len(b)] += more
    assert stats.run_permutation_test(a, raised).p_greater <= stats.run_permutation_test(a, b).p_greater


@given(st.lists(st.floats(0.1, 1.0), min_size=1, max_size=4), st.lists(st.floats(2.0, 9.0), min_size=1, max_size=4))
def test_separated_groups_stay_at_the_floor_under_every_rising_transformation(a: list[float], b: list[float]) -> None:
    for transform in (math.log, math.exp, math.sqrt):
        test = stats.run_permutation_test([transform(v) for v in a], [transform(v) for v in b])
        assert test.p_less == 1.0
        if len(set(b)) == len(b) or len(set(a)) == len(a):
            assert test.p_greater == test.floor


@pytest.mark.parametrize(
    ("a", "b"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([math.inf], [1.0]), ([1.0] * 12, [1.0] * 12)]
)
def test_groups_that_cannot_be_tested_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(UserError):
        stats.run_permutation_test(a, b)
    with pytest.raises(UserError):
        stats.invert_permutation_test(a, b, alpha=0.05)


@pytest.mark.parametrize(("alpha", "k"), [(0.05, 3), (0.025, 4), (0.0143, 4), (0.025 / 3, 5), (0.001, 7), (0.5, 1)])
def test_the_smallest_group_that_can_reach_alpha(alpha: float, k: int) -> None:
    assert relabelings.smallest_group_size(alpha) == k
    assert 1 / relabelings.count_relabelings(k, k) <= alpha


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 1e-12])
def test_an_alpha_that_no_exact_test_can_reach_is_refused(alpha: float) -> None:
    with pytest.raises(UserError):
        relabelings.smallest_group_size(alpha)


@given(pairs, alphas, st.integers(-15, 15))
def test_the_interval_holds_exactly_the_shifts_that_neither_test_refuses(
    pair: tuple[list[float], list[float]], alpha: float, shift: int
) -> None:
    a, b = pair
    # Groups of 1 to 4 have 12 as a common multiple of the sizes, so that all the sums below are whole numbers.
    a, b = [12 * v for v in a], [12 * v for v in b]
    interval = stats.invert_permutation_test(a, b, alpha=alpha)
    test = stats.run_permutation_test(a, [v - shift for v in b])
    assert (interval.low <= shift <= interval.high) == (test.p_greater > alpha and test.p_less > alpha)


@given(pairs, alphas)
def test_the_interval_turns_over_when_the_groups_are_exchanged(
    pair: tuple[list[float], list[float]], alpha: float
) -> None:
    a, b = pair
    there, back = (stats.invert_permutation_test(x, y, alpha=alpha) for x, y in ((a, b), (b, a)))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_the_interval_of_three_against_three_at_its_floor_is_the_extreme_of_all_differences() -> None:
    interval = stats.invert_permutation_test([1.0, 2.0, 3.0], [11.0, 12.0, 14.0], alpha=0.05)
    assert (interval.low, interval.high) == (8.0, 13.0)


def test_an_interval_that_the_groups_cannot_bound_is_open() -> None:
    interval = stats.invert_permutation_test([1.0, 2.0], [3.0, 4.0], alpha=0.025)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


def test_holm_on_a_known_family() -> None:
    assert stats.adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.adjust_holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.adjust_holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_never_lowers_a_p_nor_changes_the_order(p_values: list[float]) -> None:
    adjusted = stats.adjust_holm(p_values)
    assert all(before <= after <= 1.0 for before, after in zip(p_values, adjusted, strict=True))
    by_p = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in by_p] == sorted(adjusted)


def test_no_event_in_n_trials_bounds_the_rate_by_about_three_over_n() -> None:
    assert stats.bound_rate(0, 25_000) == pytest.approx(3 / 25_000, rel=0.002)
    assert stats.bound_rate(0, 1) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("events", "trials", "confidence", "bound"),
    [(1, 10, 0.95, 0.394163), (5, 100, 0.95, 0.102255), (3, 20, 0.975, 0.378927), (4, 5, 0.95, 0.989794)],
)
def test_the_bound_agrees_with_published_tables(events: int, trials: int, confidence: float, bound: float) -> None:
    assert stats.bound_rate(events, trials, confidence=confidence) == pytest.approx(bound, abs=2e-6)


@given(st.integers(0, 40), st.integers(0, 40))
def test_at_the_bound_so_few_events_have_exactly_the_chance_that_was_missed(events: int, others: int) -> None:
    trials = events + others
    bound = stats.bound_rate(events, trials)
    if others == 0:
        assert bound == 1.0
        return
    chance = sum(math.comb(trials, i) * bound**i * (1 - bound) ** (trials - i) for i in range(events + 1))
    assert chance == pytest.approx(0.05, rel=1e-6)


def test_many_events_in_many_trials_are_bounded_without_overflow() -> None:
    assert 0.5 < stats.bound_rate(500_000, 1_000_000) < 0.502


@pytest.mark.parametrize(("events", "trials", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_counts_without_a_meaning_are_refused(events: int, trials: int, confidence: float) -> None:
    with pytest.raises(UserError):
        stats.bound_rate(events, trials, confidence=confidence)

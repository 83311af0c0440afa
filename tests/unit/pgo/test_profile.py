# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles as numbers: the summary that gcc needs, weights, merging, coverage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgo_profiles import CALLS_GCDA, CALLS_GCNO, as_kernel_writes, make_function, make_gcda, some_profiles
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import COUNT_MAX, SUM_MAX, Counters, FunctionCounts, Summary, read_gcda, write_gcda
from pumphouse.pgo.domain.gcno import read_gcno
from pumphouse.pgo.domain.names import name_functions
from pumphouse.pgo.domain.profile import (
    Profile,
    add_summary,
    list_hottest,
    measure_coverage,
    merge,
    read_notes,
    read_profile,
    scale,
)

pytestmark = pytest.mark.unit

CALLS = read_gcda(CALLS_GCDA, name="calls.gcda")


def all_arcs(profile: Profile) -> list[int]:
    return [count for gcda in profile.values() for function in gcda.functions for count in function.arcs]


def test_files_become_a_profile_by_the_names_of_their_objects() -> None:
    assert read_profile({"kernel/calls.gcda": CALLS_GCDA}) == {"kernel/calls": CALLS}
    assert list(read_notes({"kernel/calls.gcno": CALLS_GCNO})) == ["kernel/calls"]
    with pytest.raises(UserError, match=r"mm/slub\.gcda"):
        read_profile({"mm/slub.gcda": CALLS_GCDA[:-9]})


def test_the_summary_is_the_largest_counter_of_the_whole_kernel_in_every_file() -> None:
    profile = {"a": as_kernel_writes(CALLS), "b": make_gcda(make_function(9, 3, 70000))}
    done = add_summary(profile)
    assert {gcda.summary for gcda in done.values()} == {Summary(1, 70000)}
    written = write_gcda(done["a"])
    assert (
        written
        == write_gcda(profile["a"])[:16]
        + bytes.fromhex("000000a1 08000000 01000000 70110100")
        + (write_gcda(profile["a"])[16:])
    )


def test_counts_beyond_the_summarys_word_are_scaled_down_together() -> None:
    done = add_summary({"a": make_gcda(make_function(1, 1 << 40, 1 << 39, 1, 0))})
    assert done["a"].summary == Summary(1, SUM_MAX)
    assert done["a"].functions[0].arcs == (SUM_MAX, (SUM_MAX + 1) // 2, 1, 0)


def test_a_profile_of_nothing_has_a_summary_of_nothing() -> None:
    assert add_summary({"a": make_gcda()})["a"].summary == Summary(1, 0)
    assert add_summary({}) == {}


@given(some_profiles(), st.floats(0.001, 1000))
def test_scaling_keeps_what_ran_and_what_did_not(profile: dict, factor: float) -> None:
    for before, after in zip(all_arcs(profile), all_arcs(scale(profile, factor)), strict=True):
        assert bool(before) == bool(after)
        assert after == pytest.approx(before * factor, rel=1e-9, abs=1)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(UserError, match="is no weight"):
        scale({}, factor)


@given(some_profiles(), some_profiles(), st.integers(1, 9), st.integers(1, 9))
def test_merging_adds_counts_times_their_weights(one: dict, other: dict, a: int, b: int) -> None:
    merged = merge([one, other], [a, b])
    expected = [a * x + b * y for x, y in zip(all_arcs(one), all_arcs(other), strict=True)]
    assert not merged.left_out
    if max(expected) <= SUM_MAX:
        assert all_arcs(merged.profile) == expected
        assert merged.profile["kernel/fork"].summary == Summary(2, max(expected))
    else:
        assert max(all_arcs(merged.profile)) == SUM_MAX


@given(some_profiles(1000), some_profiles(1000))
def test_the_order_of_merging_does_not_matter(one: dict, other: dict) -> None:
    assert all_arcs(merge([one, other]).profile) == all_arcs(merge([other, one]).profile)


def test_counts_stop_at_the_largest_that_gcc_reads() -> None:
    full = {"a": make_gcda(make_function(1, COUNT_MAX))}
    assert all_arcs(scale(full, 3)) == [COUNT_MAX]
    assert all_arcs(merge([full, full]).profile) == [SUM_MAX]


def test_weights_by_share_forget_how_long_a_workload_ran() -> None:
    short = {"a": make_gcda(make_function(1, 10, 0))}
    long = {"a": make_gcda(make_function(1, 0, 1000))}
    assert all_arcs(merge([short, long], by_share=True).profile) == [1000, 1000]
    assert all_arcs(merge([short, long], [1, 3], by_share=True).profile) == [1000, 3000]


def test_a_function_that_is_another_by_now_is_left_out_and_told() -> None:
    first = {"a": make_gcda(make_function(1, 5, 5), make_function(2, 1))}
    second = {
        "a": make_gcda(make_function(1, 7, 7, cfg=8), make_function(2, 1, 2), make_function(3, 4)),
        "b": make_gcda(make_function(1, 9)),
    }
    merged = merge([first, second])
    assert all_arcs(merged.profile) == [5, 5, 1, 4, 9]
    told = [(one.part, one.object, one.ident, one.count, one.why) for one in merged.left_out]
    assert told == [(1, "a", 1, 14, "other control flow"), (1, "a", 2, 3, "other number of arcs")]


def test_profiles_of_two_compilers_are_not_merged() -> None:
    other = read_gcda(CALLS_GCDA[:4] + b"*32B" + CALLS_GCDA[8:], name="x")
    with pytest.raises(UserError, match="different compilers") as caught:
        merge([{"a": CALLS}, {"a": other}])
    assert caught.value.text.why == "B22*, B23*"


def test_as_many_weights_as_profiles() -> None:
    with pytest.raises(UserError, match="1 weights for 2 profiles"):
        merge([{}, {}], [1])
    with pytest.raises(UserError):
        merge([])


def test_coverage_counts_what_ran() -> None:
    coverage = measure_coverage({"calls": CALLS, "idle": make_gcda(make_function(1, 0))})
    assert (coverage.objects, coverage.objects_executed) == (2, 1)
    assert (coverage.functions, coverage.functions_executed) == (5, 2)
    assert (coverage.arcs, coverage.arcs_executed) == (15, 8)
    assert (coverage.total, coverage.largest) == (30241, 16000)
    assert measure_coverage({}).largest == 0


def test_the_hottest_functions_come_first_by_name() -> None:
    names = name_functions({"calls": read_gcno(CALLS_GCNO, name="calls.gcno")}, "/usr/src/linux")
    hottest = list_hottest({"calls": CALLS}, names)
    assert [(one.name, one.count, one.line) for one in hottest] == [("hot", 28340, 5), ("main", 1901, 35)]
    assert hottest[0].share == pytest.approx(28340 / 30241)
    assert list_hottest({"calls": CALLS}, {}, limit=1)[0].name == ""
    assert list_hottest({}, {}) == []


def values(kind: int, *numbers: int) -> dict:
    counters = (Counters(0, (1,)), Counters(kind, tuple(number % (1 << 64) for number in numbers)))
    return {"a": make_gcda(FunctionCounts(ident=1, counters=counters))}


def merged_values(one: dict, other: dict, weights: list[float] | None = None) -> tuple[int, ...]:
    return merge([one, other], weights).profile["a"].functions[0].counters[1].values


def test_values_that_are_no_sums_are_merged_as_libgcov_does() -> None:
    assert merged_values(values(1, 3, 4), values(1, 5, 6), [1, 2]) == (13, 16)
    assert merged_values(values(6, 0b0101), values(6, 0b0110), [1, 2]) == (0b0111,)
    assert merged_values(values(7, 0, 9), values(7, 4, 5)) == (4, 5)


def test_lists_of_values_are_merged_by_value() -> None:
    one = values(4, 10, 2, 0xA, 7, 0xB, 3, 0, 0)
    other = values(4, 5, 1, 0xB, 5, 2, 1, 0xC, 2)
    assert merged_values(one, other, [1, 2]) == (20, 2, 0xB, 13, 0xA, 7, 4, 1, 0xC, 4)


def test_a_list_that_lost_values_says_so_after_merging() -> None:
    many = values(3, 40, 32, *(number for value in range(32) for number in (value, 1)))
    merged = merged_values(many, values(3, -9, 1, 99, 9))
    assert merged[0] == (1 << 64) - 49
    assert (merged[1], merged[2:4]) == (32, (99, 9))


def test_lists_that_do_not_end_where_their_counters_do_are_refused() -> None:
    with pytest.raises(UserError, match="beyond its counters"):
        merge([values(3, 1, 9, 1), values(3, 1, 0)])
    with pytest.raises(UserError, match="different code"):
        merge([values(3, 1, 0, 1, 0), values(3, 1, 0)])
    with pytest.raises(UserError, match="different code"):
        merge([values(1, 1, 0), values(1, 1)])

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How alike two profiles are."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pgo_profiles import make_function, make_gcda, some_profiles
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import Gcda
from pumphouse.pgo.domain.names import FunctionName
from pumphouse.pgo.domain.overlap import list_changes, measure_overlap
from pumphouse.pgo.domain.profile import scale

pytestmark = pytest.mark.unit


def plainly(a: dict[str, Gcda], b: dict[str, Gcda]) -> float:
    """The same figure, computed as its definition reads."""
    flat = [
        {
            (name, one.ident, index): count
            for name, gcda in side.items()
            for one in gcda.functions
            for index, count in enumerate(one.arcs)
        }
        for side in (a, b)
    ]
    sums = [sum(side.values()) for side in flat]
    return sum(min(flat[0][key] / sums[0], flat[1][key] / sums[1]) for key in flat[0])


@given(some_profiles(), some_profiles())
def test_overlap_is_the_sum_of_the_smaller_normalised_counters(a: dict, b: dict) -> None:
    assume(sum(gcda.total for gcda in a.values()) and sum(gcda.total for gcda in b.values()))
    overlap = measure_overlap(a, b)
    assert overlap.total == pytest.approx(plainly(a, b))
    assert overlap.total == pytest.approx(measure_overlap(b, a).total)
    assert 0 <= overlap.total <= 1
    assert sum(one.share_a for one in overlap.functions) == pytest.approx(1)
    assert sum(one.change for one in overlap.functions) == pytest.approx(0, abs=1e-9)


@given(some_profiles(10**6), st.integers(1, 1000))
def test_a_longer_run_of_the_same_is_the_same(profile: dict, factor: int) -> None:
    assume(any(gcda.total for gcda in profile.values()))
    overlap = measure_overlap(profile, scale(profile, factor))
    assert overlap.total == pytest.approx(1)
    assert all(abs(one.change) < 1e-9 for one in overlap.functions)


def test_other_control_flow_has_nothing_in_common() -> None:
    a = {"a": make_gcda(make_function(1, 5, 5), make_function(2, 10))}
    b = {"a": make_gcda(make_function(1, 5, 5, cfg=8), make_function(2, 10))}
    assert measure_overlap(a, b).total == pytest.approx(0.5)


def test_nothing_ran_is_nothing_in_common() -> None:
    assert measure_overlap({}, {}).total == 0
    assert measure_overlap({"a": make_gcda(make_function(1, 0))}, {"a": make_gcda(make_function(1, 3))}).total == 0


def test_the_largest_changes_come_first_by_name() -> None:
    a = {"a": make_gcda(make_function(1, 60), make_function(2, 30), make_function(3, 10))}
    b = {"a": make_gcda(make_function(1, 20), make_function(2, 70), make_function(3, 10))}
    names = {"a": {2: FunctionName(2, "tcp_write_xmit", "net/ipv4/tcp_output.c", 2600, in_tree=True)}}
    changes = list_changes(measure_overlap(a, b, names))
    assert [(one.ident, one.name, round(one.change, 2)) for one in changes] == [
        (1, "", -0.4),
        (2, "tcp_write_xmit", 0.4),
    ]
    assert len(list_changes(measure_overlap(a, b), limit=1)) == 1


def test_profiles_of_two_compilers_are_not_compared() -> None:
    other = Gcda(version="B23*", stamp=0, checksum=0, summary=None, functions=())
    with pytest.raises(UserError, match="different compilers"):
        measure_overlap({"a": make_gcda()}, {"a": other})

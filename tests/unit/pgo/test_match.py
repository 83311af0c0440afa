# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles against the notes of builds: of this build or not, and how much still fits."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgo_profiles import CALLS_GCDA, CALLS_GCNO, as_kernel_writes
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import Counters, Gcda, read_gcda
from pumphouse.pgo.domain.gcno import Gcno, read_gcno
from pumphouse.pgo.domain.match import (
    WORDS,
    Check,
    check_against_notes,
    check_profile,
    keep_matching,
    measure_staleness,
)
from pumphouse.pgo.domain.names import FunctionName

pytestmark = pytest.mark.unit

CALLS = read_gcda(CALLS_GCDA, name="calls.gcda")
NOTES = read_gcno(CALLS_GCNO, name="calls.gcno")
HOT, MAIN = 1886836927, 108032747


def check(gcda: Gcda, gcno: Gcno = NOTES) -> Check:
    return check_profile({"calls": gcda}, {"calls": gcno})


def change(one: Gcda | Gcno, name: str, **fields: object) -> Gcda | Gcno:
    """The same file, a function changed."""
    idents = {"main": MAIN, "hot": HOT}
    functions = tuple(
        msgspec.structs.replace(function, **fields) if function.ident == idents[name] else function
        for function in one.functions
    )
    return msgspec.structs.replace(one, functions=functions)


def test_counters_of_the_build_are_of_the_build() -> None:
    for gcda in (CALLS, as_kernel_writes(CALLS)):
        result = check(gcda)
        assert result.is_of_build
        assert (result.files[0].verdict, result.files[0].functions, result.missing) == ("ok", 4, [])


def test_each_way_not_to_be_of_the_build_is_told_apart() -> None:
    rebuilt = msgspec.structs.replace(NOTES, stamp=1)
    assert check(CALLS, rebuilt).files[0].verdict == "rebuilt"
    other = check(change(CALLS, "hot", cfg_checksum=1), rebuilt).files[0]
    assert (other.verdict, [(one.name, one.count, one.why) for one in other.mismatches]) == (
        "other",
        [("hot", 28340, "has other control flow")],
    )
    fewer = change(CALLS, "main", counters=(Counters(0, (1,)),))
    damaged = check(fewer).files[0]
    assert (damaged.verdict, damaged.mismatches[0].why) == ("damaged", "has 1 counters instead of 5")
    assert check(CALLS, msgspec.structs.replace(NOTES, version="B23*")).files[0].verdict == "compiler"
    stranger = check_profile({"mm/slub": CALLS}, {"calls": NOTES})
    assert (stranger.files[0].verdict, stranger.missing) == ("unknown", ["calls"])
    assert not stranger.is_of_build
    assert set(WORDS) == {"ok", "rebuilt", "other", "damaged", "compiler", "unknown"}


def test_a_single_file_is_refused_in_one_line() -> None:
    check_against_notes("calls", CALLS, NOTES)
    check_against_notes("calls", CALLS, msgspec.structs.replace(NOTES, stamp=1))
    stranger = msgspec.structs.replace(change(CALLS, "hot", ident=5), stamp=1)
    with pytest.raises(UserError, match=r"calls\.gcda is not of this build") as caught:
        check_against_notes("calls", stranger, NOTES)
    assert caught.value.text.why == "5 is no function of this build; hot has no counters"
    with pytest.raises(UserError, match="of another compiler") as caught:
        check_against_notes("calls", CALLS, msgspec.structs.replace(NOTES, version="B23*"))
    assert caught.value.text.why == "B22*, not B23*"


def test_functions_that_only_one_side_has_are_told() -> None:
    renamed = check(change(CALLS, "hot", ident=5)).files[0]
    assert [(one.ident, one.name, one.why) for one in renamed.mismatches] == [
        (5, "", "is no function of this build"),
        (HOT, "hot", "has no counters"),
    ]


@given(st.integers(0, len(CALLS_GCDA) * 8 - 1))
def test_a_flipped_bit_anywhere_but_in_counts_is_found(bit: int) -> None:
    damaged = bytearray(CALLS_GCDA)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        gcda = read_gcda(bytes(damaged), name="x")
    except UserError:
        return
    if check(gcda).is_of_build:
        # What is left are counts, the summary, the program's checksum and the lines: sums of files guard the counts.
        plain = [[one.key for one in gcda.functions] for gcda in (gcda, CALLS)]
        assert plain[0] == plain[1]
        assert gcda.stamp == CALLS.stamp


def test_what_is_stale_is_told_in_shares_of_counts() -> None:
    assert measure_staleness({"calls": CALLS}, {"calls": NOTES}).usable == pytest.approx(1)
    moved = measure_staleness({"calls": CALLS}, {"calls": change(NOTES, "main", lineno_checksum=1)})
    assert moved.usable == pytest.approx(1)
    assert moved.moved == pytest.approx(1901 / 30241)
    changed = measure_staleness({"calls": CALLS}, {"calls": change(NOTES, "hot", cfg_checksum=1)})
    assert changed.usable == pytest.approx(1901 / 30241)
    assert changed.changed == pytest.approx(28340 / 30241)
    assert [(one.name, one.state) for one in changed.functions] == [("hot", "changed"), ("main", "fits")]


def test_what_is_gone_keeps_its_name() -> None:
    names = {"calls": {HOT: FunctionName(HOT, "hot", "calls.c", 5, in_tree=True)}}
    gone = measure_staleness({"calls": CALLS}, {}, names)
    assert (gone.usable, gone.gone) == (0, pytest.approx(1))
    assert [one.name for one in gone.functions] == ["hot", ""]
    assert measure_staleness({}, {}).usable == 0


def test_what_does_not_match_is_taken_out() -> None:
    other = change(NOTES, "hot", cfg_checksum=1)
    kept = keep_matching({"calls": CALLS, "gone": CALLS}, {"calls": other})
    assert list(kept) == ["calls"]
    assert [one.ident for one in kept["calls"].functions] == [one.ident for one in CALLS.functions if one.ident != HOT]
    assert measure_staleness(kept, {"calls": other}).usable == pytest.approx(1)

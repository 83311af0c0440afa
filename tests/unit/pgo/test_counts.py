# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import InfraError
from pumphouse.pgo.domain.counts import (
    PhaseCount,
    PhaseCounts,
    SideCounts,
    change_percent,
    compare_counts,
    largest_difference,
    read_counts,
    read_heat,
    spread_percent,
)

pytestmark = pytest.mark.unit

SIDE = {"instructions": 1000, "taken_branches": 100, "l1i_misses": 7, "string_rounds": 3}
PHASES = [
    {"number": 0, "entries": 2, "kernel": SIDE, "user": SIDE},
    {"number": 1, "entries": 1, "kernel": SIDE | {"instructions": 4000}, "user": SIDE},
]


def document(**changes):
    return {"version": 1, "l1i_model": "32 KiB", "phases": PHASES} | changes


def encode(value):
    return json.dumps(value).encode()


def test_the_plugins_file_gives_each_phase_kernel_and_user_apart():
    counts = read_counts(encode(document()))
    assert [phase.number for phase in counts.phases] == [0, 1]
    assert counts.phases[1].kernel == SideCounts(instructions=4000, taken_branches=100, l1i_misses=7, string_rounds=3)


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (encode(document())[:-9], "truncated"),
        (encode(document(version=2)), "version 2"),
        (encode(document(phases=[PHASES[0], PHASES[0]])), r"numbered \[0, 0\]"),
        (encode(document(phases=[PHASES[0] | {"number": 255}])), "numbered"),
        (encode(document(phases=[PHASES[0] | {"kernel": SIDE | {"l1i_misses": -1}}])), "negative"),
        (encode(document(more=1)), "unknown field"),
        (b"", "truncated"),
        (b"\xff\xfe", "malformed|invalid"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_reason(damaged, why):
    with pytest.raises(InfraError) as caught:
        read_counts(damaged)
    assert re.search(why, caught.value.text.why)


@given(st.binary(max_size=40), st.integers(0, 200), st.integers(0, 200))
def test_a_damaged_file_is_read_or_refused_and_never_crashes(junk, start, length):
    whole = encode(document())
    for data in (junk, whole[:start] + junk + whole[start + length :]):
        with contextlib.suppress(InfraError):
            counts = read_counts(data)
            assert all(phase.kernel.instructions >= 0 for phase in counts.phases)


def counts(**kernel_instructions):
    side = SideCounts(instructions=0, taken_branches=200, l1i_misses=0)
    phases = tuple(
        PhaseCount(
            name=name, trained=True, kernel=msgspec.structs.replace(side, instructions=value), user=side, guest_ns=1
        )
        for name, value in kernel_instructions.items()
    )
    return PhaseCounts(
        workload="w", workload_sha256="", kernel="k", kernel_source="", kernel_sha256="", l1i_model="", phases=phases
    )


def test_two_boots_are_compared_phase_by_phase_in_per_cent():
    differences = compare_counts(counts(one=1000, two=400), counts(one=1010, two=390))
    assert [(d.name, d.kernel_instructions, d.taken_branches) for d in differences] == [
        ("one", pytest.approx(1.0), 0.0),
        ("two", pytest.approx(-2.5), 0.0),
    ]
    assert largest_difference(differences, "kernel_instructions") == pytest.approx(2.5)
    assert largest_difference((), "l1i_misses") == 0


def test_boots_with_other_phases_are_not_compared():
    with pytest.raises(ValueError, match="different phases"):
        compare_counts(counts(one=1), counts(two=1))


def test_the_spread_over_seeds_is_told_by_phase():
    boots = [counts(one=1000, two=400), counts(one=1020, two=400), counts(one=1010, two=404)]
    spread = spread_percent(boots, "kernel_instructions")
    assert spread == {"one": pytest.approx(2.0), "two": pytest.approx(1.0)}
    with pytest.raises(ValueError, match="same phases"):
        spread_percent([], "kernel_instructions")
    with pytest.raises(ValueError, match="same phases"):
        spread_percent([counts(one=1), counts(two=1)], "kernel_instructions")


def test_a_change_from_nothing_is_infinite_and_no_change_of_nothing_is_none():
    assert change_percent(0, 0) == 0
    assert change_percent(0, 5) == float("inf")


def test_the_heat_table_is_read_by_address():
    (piece,) = read_heat(b"ffffffff81e0158c 5 2 1098190\n")
    assert (piece.address, piece.size, piece.instructions, piece.entries) == (0xFFFFFFFF81E0158C, 5, 2, 1098190)


def test_a_line_that_is_not_one_is_named():
    with pytest.raises(InfraError) as caught:
        read_heat(b"ffffffff81e0158c 5 2 1\nffff 1\n", where="heat")
    assert caught.value.text.where == "heat:2"


@given(st.text(alphabet="0123456789abcdef -\n\x00x", max_size=60))
def test_a_damaged_heat_table_is_read_or_refused(text):
    with contextlib.suppress(InfraError):
        assert len(read_heat(text.encode())) == len(text.encode().splitlines())

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Notes: the functions of an object by name, and how many counters each has."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgo_profiles import CALLS_GCDA, CALLS_GCNO
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import read_gcda
from pumphouse.pgo.domain.gcno import read_gcno

pytestmark = pytest.mark.unit


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_gcno(data, name="kernel/fork.gcno")
    assert caught.value.text.where.startswith("kernel/fork.gcno, offset ")
    assert caught.value.text.next_step
    return str(caught.value)


def test_notes_name_the_functions_of_the_counters() -> None:
    notes, counts = read_gcno(CALLS_GCNO, name="calls.gcno"), read_gcda(CALLS_GCDA, name="calls.gcda")
    assert notes.stamp == counts.stamp
    assert [(one.name, one.source, one.start_line, one.end_line) for one in notes.functions] == [
        ("main", "calls.c", 35, 43),
        ("never", "calls.c", 23, 33),
        ("cold", "calls.c", 18, 21),
        ("hot", "calls.c", 5, 16),
    ]
    assert [one.key for one in notes.functions] == [one.key for one in counts.functions]
    assert not any(one.artificial for one in notes.functions)


def test_truncations_are_refused_unless_whole_records_are_left() -> None:
    records = CALLS_GCNO.count(b"\0\0C\1") + CALLS_GCNO.count(b"\0\0E\1") + 2 * 4
    readable = 0
    for size in range(len(CALLS_GCNO)):
        with contextlib.suppress(UserError):
            read_gcno(CALLS_GCNO[:size], name="x")
            readable += 1
    assert readable == records


@given(st.data())
def test_damaged_notes_never_crash_the_reader(draw: st.DataObject) -> None:
    damaged = bytearray(CALLS_GCNO)
    for _ in range(draw.draw(st.integers(1, 6))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(UserError):
        read_gcno(bytes(damaged), name="x")


def test_what_is_wrong_is_told_in_one_line() -> None:
    assert "not a notes file" in refusal(CALLS_GCDA)
    assert "middle of the magic word" in refusal(b"")
    assert "gcc 14.2" in refusal(CALLS_GCNO[:4] + b"*24B" + CALLS_GCNO[8:])
    assert "goes beyond its end" in refusal(CALLS_GCNO[:-1])

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Counter files: what gcc and kernels write is read and written back exactly; what they did not write is refused."""

from __future__ import annotations

import contextlib
import re
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgo_profiles import CALLS_GCDA, as_kernel_writes, make_function, make_gcda, some_files
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import Counters, FunctionCounts, Gcda, Summary, read_gcda, write_gcda
from pumphouse.pgo.domain.gcov_version import make_version

pytestmark = pytest.mark.unit

KERNEL = write_gcda(as_kernel_writes(read_gcda(CALLS_GCDA, name="calls.gcda")))


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_gcda(data, name="kernel/fork.gcda")
    text = caught.value.text
    assert text.what.startswith("kernel/fork.gcda: ")
    assert text.where.startswith("kernel/fork.gcda, offset ")
    assert text.next_step
    return str(caught.value)


def structure_of(data: bytes) -> list[int]:
    """The offsets of the words that say where records begin and how long they are (and of magic and version)."""
    found, at = [0, 4], 16
    while at + 8 <= len(data):
        _, length = struct.unpack_from("<Ii", data, at)
        found.append(at)
        if length >= 0:  # the length of packed zeros says nothing about the file; the notes know it (test_match.py)
            found.append(at + 4)
        at += 8 + max(length, 0)
    return found


def test_a_file_of_gcc_is_read_as_gcov_dump_shows_it() -> None:
    gcda = read_gcda(CALLS_GCDA, name="calls.gcda")
    assert gcda.version == "B22*"
    assert gcda.summary == Summary(1, 16000)
    assert [function.arcs for function in gcda.functions] == [
        (0, 1, 899, 1000, 1),
        (0, 0, 0),
        (0, 0),
        (1000, 8500, 16000, 2840),
    ]
    assert [function.counters[0].packed for function in gcda.functions] == [False, True, True, False]
    assert (gcda.largest, gcda.total) == (16000, 30241)


@pytest.mark.parametrize("data", [CALLS_GCDA, KERNEL], ids=["of a program", "of a kernel"])
def test_a_file_is_written_back_byte_by_byte(data: bytes) -> None:
    assert write_gcda(read_gcda(data, name="x")) == data


@given(some_files())
def test_every_shape_of_file_survives_writing_and_reading(gcda: Gcda) -> None:
    data = write_gcda(gcda)
    assert read_gcda(data, name="x") == gcda
    assert write_gcda(read_gcda(data, name="x")) == data


def test_every_truncation_of_a_programs_file_is_refused() -> None:
    for size in range(len(CALLS_GCDA)):
        refusal(CALLS_GCDA[:size])


def test_every_truncation_of_a_kernels_file_is_refused_but_between_functions() -> None:
    whole = read_gcda(KERNEL, name="x")
    # A file that ends where a function ends is one of fewer functions; the notes know how many (test_match.py).
    between = {len(write_gcda(msgspec.structs.replace(whole, functions=whole.functions[:count]))) for count in range(4)}
    for size in set(range(len(KERNEL))) - between:
        refusal(KERNEL[:size])


@pytest.mark.parametrize("data", [CALLS_GCDA, KERNEL], ids=["of a program", "of a kernel"])
def test_every_bit_flipped_in_the_structure_is_refused(data: bytes) -> None:
    for at in structure_of(data):
        for bit in range(32):
            (word,) = struct.unpack_from("<I", data, at)
            damaged = bytearray(data)
            struct.pack_into("<I", damaged, at, word ^ (1 << bit))
            if re.fullmatch(rb"\*\d2B", damaged[4:8]) and damaged[4:8] != data[4:8]:
                continue  # another gcc 12: what is asked of the profile refuses it (test_match.py)
            refusal(bytes(damaged))


@given(st.sampled_from([CALLS_GCDA, KERNEL]), st.data())
def test_damage_is_refused_or_read_for_what_it_then_says(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    try:
        gcda = read_gcda(bytes(damaged), name="x")
    except UserError:
        return
    assert write_gcda(gcda) == bytes(damaged)


@given(st.binary(max_size=200))
def test_rubbish_never_crashes_the_reader(data: bytes) -> None:
    for head in (b"", CALLS_GCDA[:16], KERNEL[:64]):
        with contextlib.suppress(UserError):
            assert write_gcda(read_gcda(head + data, name="x")) == head + data


@given(st.binary(min_size=1, max_size=9))
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    assert "bytes follow its end" in refusal(CALLS_GCDA + tail)
    if tail != bytes(4):
        refusal(KERNEL + tail)


def test_what_is_wrong_is_told_in_one_line() -> None:
    assert "the file is empty" in refusal(b"")
    assert "with cat" in refusal(b"")
    assert "not a counter file" in refusal(b"\x7fELF" + CALLS_GCDA[4:])
    assert "big-endian" in refusal(CALLS_GCDA[3::-1] + CALLS_GCDA[4:])
    assert "in the middle of the counters of function 1886836927" in refusal(KERNEL[:-8])
    assert "of function 1 is above 2^63" in refusal(write_gcda(make_gcda(make_function(1, 1 << 63))))
    assert "1 comes twice" in refusal(write_gcda(make_gcda(make_function(1, 1), make_function(1, 2))))
    assert "0 is no function's ident" in refusal(KERNEL[:24] + bytes(4) + KERNEL[28:])
    bare = FunctionCounts(ident=1, counters=())
    assert "no counters of arcs" in refusal(write_gcda(make_gcda(bare)))
    swapped = FunctionCounts(ident=1, counters=(Counters(0, (1,)), Counters(2, (1,)), Counters(1, (1,))))
    assert "interval of function 1 are out of order" in refusal(write_gcda(make_gcda(swapped)))
    many = FunctionCounts(ident=1, counters=(Counters(0, (0,) * (1 << 21), packed=True),))
    assert "2097152 counters in one function" in refusal(write_gcda(make_gcda(many)))


@pytest.mark.parametrize(
    ("word", "said"),
    [(b"*33A", "gcc 3.3 (A33*)"), (b"*24B", "gcc 14.2 (B42*)"), (b"p22B", "gcc 12.2 (B22p)"), (b"\0\xff\n1", "'1\\n")],
)
def test_another_compiler_is_named_and_refused(word: bytes, said: str) -> None:
    text = refusal(CALLS_GCDA[:4] + word + CALLS_GCDA[8:])
    assert f"its version word says {said}" in text
    assert "read are the files of gcc 12" in text


def test_a_compiler_is_known_by_its_word() -> None:
    assert [make_version(release) for release in ("12.2.0", "9.3.0", "13.1.0\n", "14.2.0")] == [
        "B22*",
        "A93*",
        "B31*",
        "B42*",
    ]
    for release in ("12", "", "12.10.0", "12.2.0-14", "x.y.z"):
        with pytest.raises(UserError, match="is no version of gcc"):
            make_version(release)

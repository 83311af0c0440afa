# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""BTF: layouts from a file made here, from an ELF file around it, and from the running kernel; damage is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.btf import parse_btf, read_btf
from pumphouse.syscalls.domain.lint import find_all
from syscalls_trees import NEW, changed, read

RUNNING = Path("/sys/kernel/btf/vmlinux")


def make_btf(last_offset_bits: int = 128, size: int = 24) -> bytes:
    """BTF of `struct grow_args { u64 flags; u32 fd, mode; u64 extra; }`, with a typedef, an array and a bit field."""
    strings = b"\0"

    def name(text: str) -> int:
        nonlocal strings
        offset = len(strings)
        strings += text.encode() + b"\0"
        return offset

    def head(text: str, kind: int, count: int, value: int, *, flag: int = 0) -> bytes:
        return struct.pack("<III", name(text) if text else 0, kind << 24 | count | flag << 31, value)

    types = head("u64", 1, 0, 8) + struct.pack("<I", 64)
    types += head("u32", 1, 0, 4) + struct.pack("<I", 32)
    types += head("big", 8, 0, 1)
    types += head("", 3, 0, 0) + struct.pack("<III", 2, 2, 1)
    types += head("", 5, 2, 8) + struct.pack("<III", name("fd"), 2, 0) + struct.pack("<III", name("mode"), 2, 32)
    types += head("grow_args", 4, 3, size)
    for member, kind, offset in (("flags", 3, 0), ("", 5, 64), ("extra", 1, last_offset_bits)):
        types += struct.pack("<III", name(member) if member else 0, kind, offset)
    types += head("bits", 4, 1, 4, flag=1) + struct.pack("<III", name("five"), 2, 5 << 24 | 3)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


def make_elf(btf: bytes, section: bytes = b".BTF") -> bytes:
    names = b"\0" + section + b"\0.shstrtab\0"
    start = 64 + len(btf) + len(names)
    sections = struct.pack("<IIQQQQIIQQ", *[0] * 10)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 64, len(btf), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", len(section) + 2, 3, 0, 0, 64 + len(btf), len(names), 0, 0, 1, 0)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, start, 0, 64, 0, 0, 64, 3, 2)
    return head + btf + names + sections


@pytest.mark.parametrize("data", [make_btf(), make_elf(make_btf())], ids=["raw", "ELF"])
def test_a_struct_has_its_size_and_the_places_of_its_members(data):
    found = parse_btf(data).struct("grow_args")
    assert found.size == 24
    assert [tuple(member) for member in found.members] == [
        ("flags", 0, 64),
        ("fd", 64, 32),
        ("mode", 96, 32),
        ("extra", 128, 64),
    ]
    assert found.end_of("extra") == 24
    assert found.end_of("nothing") is None
    assert parse_btf(data).struct("bits").members[0].size_bits == 5
    assert parse_btf(data).struct("missing") is None


def test_a_header_and_a_kernel_that_disagree_are_found():
    tree = read(NEW)
    assert find_all(tree, btf=parse_btf(make_btf()))[1] == []
    found = find_all(tree, btf=parse_btf(make_btf(last_offset_bits=192, size=32)))[1]
    assert [(finding.rule, finding.file) for finding in found] == [("R4", "include/uapi/linux/grow.h")] * 2
    assert changed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF" + bytes(80),
        make_elf(make_btf(), b".DATA"),
        make_btf()[:60],
        b"\x9f\xeb" + bytes(40),
        make_btf()[:-90],
    ],
    ids=["empty", "no ELF", "no section", "cut", "zeroes", "cut strings"],
)
def test_what_is_no_btf_is_refused_with_the_remedy(data):
    with pytest.raises(UserError) as caught:
        parse_btf(data, where="file").struct("grow_args")
    assert caught.value.text.next_step


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError) as caught:
        read_btf(tmp_path / "nothing")
    assert "nothing" in caught.value.text.where


@given(st.data())
def test_no_damage_breaks_the_reader(data):
    good = bytearray(data.draw(st.sampled_from([make_btf(), make_elf(make_btf())])))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UserError):
        types = parse_btf(bytes(good))
        assert all(found is None or found.size >= 0 for found in (types.struct("grow_args"), types.struct("bits")))


def test_an_elf_file_whose_sections_lie_beyond_every_address_is_refused():
    damaged = bytearray(make_elf(make_btf()))
    damaged[40:48] = b"\xff" * 8
    with pytest.raises(UserError, match="BTF"):
        parse_btf(bytes(damaged))


@pytest.mark.skipif(not RUNNING.exists(), reason="the running kernel has no BTF: needs CONFIG_DEBUG_INFO_BTF")
def test_the_running_kernel_tells_the_sizes_it_copies():
    types = read_btf(RUNNING)
    assert types.struct("clone_args").size >= 88
    assert types.struct("open_how").end_of("resolve") == 24

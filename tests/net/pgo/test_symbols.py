# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Functions of an ELF file, beside nm."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.symbols import compare_text, read_functions, read_symbols
from pumphouse.pgo.fake import write_elf

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: sudo apt-get install gcc"),
]

SOURCE = """
int data = 3;
static int __attribute__((noinline)) half(int x) { return x / 2 + data; }
int twice(int x) { return half(x) * 4; }
"""


def test_functions_and_sizes_are_those_of_nm(tmp_path):
    (tmp_path / "a.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-c", "a.c", "-o", "a.o"], cwd=tmp_path, check=True)
    said = subprocess.run(["nm", "-S", "a.o"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in said.splitlines()]
    expected = {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tT"}
    elf = (tmp_path / "a.o").read_bytes()
    assert read_functions(elf) == expected
    assert {"data", "half", "twice"} <= set(read_symbols(elf))


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d.cold"]), st.integers(1, 9999), min_size=1))
def test_what_is_written_is_read_back(functions):
    assert read_functions(write_elf(functions)) == functions


@pytest.mark.parametrize("read", [read_functions, read_symbols])
@given(st.binary(max_size=300).filter(lambda data: not data.startswith(b"\x7fELF")))
def test_what_is_no_elf_file_is_refused(read, noise):
    with pytest.raises(UserError, match="no symbols that can be read"):
        read(noise)


@pytest.mark.parametrize("read", [read_functions, read_symbols])
@given(st.integers(0, 400))
def test_a_file_that_is_cut_off_is_refused_and_never_a_bug(read, length):
    whole = write_elf({"a": 3, "b": 4})
    try:
        read(whole[:length])
    except UserError:
        return
    assert length > 64


@pytest.mark.parametrize("read", [read_functions, read_symbols])
def test_a_file_whose_sections_lie_beyond_every_address_is_refused(read):
    damaged = bytearray(write_elf({"a": 3}))
    damaged[0x28:0x30] = b"\xff" * 8
    with pytest.raises(UserError, match="no symbols that can be read"):
        read(bytes(damaged))


def test_a_split_function_is_told_with_its_cold_part():
    change = compare_text({"send": 4500, "gone": 10, "same": 5}, {"send": 113, "send.cold": 4516, "same": 5, "new": 1})
    assert (change.split_before, change.split_after, change.shrank, change.gone, change.new) == (0, 1, 1, 1, 1)
    assert (change.functions[0].name, change.functions[0].cold_after, change.functions[0].change) == (
        "send",
        4516,
        -4387,
    )

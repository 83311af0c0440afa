# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Constants and struct sizes of headers, read without a compiler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.syscalls.domain.database.expression import evaluate, known
from pumphouse.syscalls.domain.database.header import read_headers
from pumphouse.syscalls.domain.database.layout import struct_size

pytestmark = pytest.mark.unit

WORDS = [
    "#define A ",
    "#define B (A << ",
    "enum e {",
    "}",
    ";",
    "struct s {",
    "union {",
    "__u32 x",
    "__u64 y[",
    "]",
    "(",
]
WORDS += [")", "<<", "0x1f", "7", "~", "A", "B", ":", ",", "\n", "/*", "*/", "\\\n", "unsigned long", "*", "'"]
C_SOUP = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x10", 16),
        ("(1ULL << 13)", 1 << 13),
        ("010", 8),
        ("1 | 2 << 3", 17),
        ("~0U & 0xff", 255),
        ("(__u64)1 << 40", 1 << 40),
        ("_BITUL(3)", 8),
        ("BIT_ULL(33)", 1 << 33),
        ("(FLAG|4)", 6),
        ("-1", (1 << 64) - 1),
        ("'a'", 97),
        ("7 / 2 * 2 % 4", 2),
    ],
)
def test_an_integer_constant_expression_has_its_value(text, value):
    assert evaluate(text, known({"FLAG": 2})) == value


@pytest.mark.parametrize(
    "text", ["", "sizeof(int)", "UNKNOWN", "1 <<", "1 << 64", "1 / 0", "f(x)", '"text"', "089", "("]
)
def test_what_is_no_integer_constant_has_no_value(text):
    assert evaluate(text, known({})) is None


def test_defines_and_enumerators_are_read_with_their_header_and_enum():
    headers = read_headers(
        {
            "linux/a.h": "#define A_ONE 0x1 /* first\n#define A_NOT 9 */\n#define A_TWO \\\n  (A_ONE << 1)\n"
            '#define A_TEXT "no"\n#define A_CALL(x) (x)\n',
            "linux/b.h": "enum b_kind {\n  B_ZERO,\n  B_FIVE = A_ONE | 4, /* five */\n"
            "#define B_FIVE B_FIVE\n  B_SIX,\n};\n",
        }
    )
    assert {name: constant.value for name, constant in headers.constants.items()} == {
        "A_ONE": 1,
        "A_TWO": 2,
        "B_ZERO": 0,
        "B_FIVE": 5,
        "B_SIX": 6,
    }
    assert headers.constants["B_SIX"].enum == "b_kind"
    assert headers.constants["A_TWO"].header == "linux/a.h"


def test_a_definition_that_needs_itself_has_no_value():
    headers = read_headers({"a.h": "#define A B\n#define B (A + 1)\n#define C 3\n"})
    assert {name for name, _ in headers.constants.items()} == {"C"}


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("__u64 a; __u64 b;", 16),
        ("__u32 a; __u64 b; __u8 c;", 24),
        ("__u64 a : 1, b : 2, c : 61; __u32 d; union { __u32 e; __u64 f; }; __u16 g, h;", 32),
        ("__u32 a; struct { __u16 x; __u8 y[3]; } in[2];", 16),
        ("__aligned_u64 p; __u32 n[N]; __u8 ctx[] __counted_by(n);", 16),
        ("char *name; int fd;", 16),
        ("__u32 a : 3; __u32 : 0; __u32 b : 1;", 8),
        ("struct { union { __u8 a; __u64 b; }; }; __u32 c;", 16),
        ("const unsigned long long a; unsigned char b[8];", 16),
    ],
)
def test_a_struct_is_as_large_as_the_abi_makes_it(body, size):
    headers = read_headers({"a.h": f"#define N 2\nstruct s {{ {body} }};"})
    assert struct_size(headers, "s") == size


def test_a_packed_struct_has_no_padding():
    headers = read_headers({"a.h": "struct s { __u64 a; __s32 fd; } __attribute__((packed));"})
    assert struct_size(headers, "s") == 12


@pytest.mark.parametrize("body", ["struct unknown u;", "foo_t x;", "__u64 a[M];", "struct s again;"])
def test_what_is_not_known_has_no_size(body):
    assert struct_size(read_headers({"a.h": f"struct s {{ {body} }};"}), "s") is None


@given(st.one_of(st.text(max_size=200), C_SOUP))
def test_no_text_breaks_the_reader(text):
    headers = read_headers({"a.h": text})
    assert all(0 <= constant.value < 1 << 64 for constant in headers.constants.values())
    size = struct_size(headers, "s")
    assert size is None or size >= 0


@given(st.integers(0, (1 << 64) - 1), st.integers(0, 63))
def test_numbers_and_shifts_are_those_of_64_bits(number, shift):
    assert evaluate(f"{number:#x}ULL", known({})) == number
    assert evaluate(f"(({number}UL) << {shift}) | 1", known({})) == ((number << shift) & ((1 << 64) - 1)) | 1

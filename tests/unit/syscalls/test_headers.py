# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Constants and struct layouts of headers, read without a compiler: of a whole tree, and of some headers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.syscalls.domain.tree.files import MemoryFiles
from pumphouse.syscalls.domain.tree.headers import Headers
from pumphouse.syscalls.domain.tree.uapi import UapiHeaders

pytestmark = pytest.mark.unit

WORDS = [
    "#define A ",
    "#define B (A << ",
    "#define C(x) (x + ",
    "enum e {",
    "}",
    ";",
    "\nstruct s {",
    "union {",
    "__u32 x",
    "__u64 y[",
    "]",
    "(",
    " packed aligned(",
]
WORDS += [
    ")",
    "<<",
    "0x1f",
    "7",
    "~",
    "A",
    "B",
    ":",
    ",",
    "\n",
    "/*",
    "*/",
    "\\\n",
    "unsigned long",
    "*",
    "'",
    "C(",
    "?",
]
C_SOUP = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)
WORD = (1 << 64) - 1


def value(text, before=""):
    """The value of a macro with this replacement, as a header defines it."""
    constant = UapiHeaders({"linux/a.h": f"{before}#define WANTED {text}\n"}).constants.get("WANTED")
    return constant and constant.value


def size(body, before="", after=""):
    """The size of a struct with this body in bytes."""
    return UapiHeaders({"linux/a.h": f"{before}struct s {{ {body} }}{after};\n"}).size("s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x10", 16),
        ("(1ULL << 13)", 1 << 13),
        ("010", 8),
        ("1 | 2 << 3", 17),
        ("~0U & 0xff", 255),
        ("(__u64)1 << 40", 1 << 40),
        ("(int8_t)3", 3),
        ("_BITUL(3)", 8),
        ("BIT_ULL(33)", 1 << 33),
        ("_UL(1) << ULL(3)", 8),
        ("_AC(0x80, UL)", 0x80),
        ("(FLAG|4)", 6),
        ("-1", WORD),
        ("~0ULL >> 60", 15),
        ("'a'", 97),
        ("'!'", 33),
        ("7 / 2 * 2 % 4", 2),
        ("sizeof(int) * 2", 8),
        ("FLAG == 2 ? 5 : 6", 5),
        ("TWICE(FLAG + 1)", 6),
        ("TWICE(TWICE(FLAG))", 8),
    ],
)
def test_an_integer_constant_expression_has_its_value(text, expected):
    assert value(text, "#define FLAG 2\n#define TWICE(x) (2 * x)\n") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sizeof(foo_t)",
        "UNKNOWN",
        "1 <<",
        "1 << 64",
        "1 >> 64",
        "BIT(64)",
        "1 << -1",
        "1 / 0",
        "1 % 0",
        "f(x)",
        '"text"',
        "089",
        "(",
        "0x1f_",
        "'('",
        "' '",
        "'ab'",
        pytest.param("9" * 5000, id="5000 digits"),
        pytest.param("(" * 5000, id="5000 parentheses"),
        pytest.param("~" * 5000 + "1", id="5000 complements"),
    ],
)
def test_what_is_no_integer_constant_has_no_value(text):
    assert value(text) is None


def test_defines_and_enumerators_are_read_with_their_header_and_enum():
    headers = UapiHeaders(
        {
            "linux/a.h": "#define A_ONE 0x1 /* first\n#define A_NOT 9 */\n#define A_TWO \\\n  (A_ONE << 1)\n"
            '#define A_TEXT "no"\n#define A_CALL(x) (x)\n#define A_NOTHING\n',
            "linux/b.h": "enum b_kind {\n  B_ZERO,\n  B_FIVE = A_ONE | 4, /* five */\n"
            "#define B_FIVE B_FIVE\n  B_SIX,\n};\nenum { B_NAMELESS = -2, B_NEXT };\n",
        }
    )
    assert {name: constant.value for name, constant in headers.constants.items()} == {
        "A_ONE": 1,
        "A_TWO": 2,
        "B_ZERO": 0,
        "B_FIVE": 5,
        "B_SIX": 6,
        "B_NAMELESS": WORD - 1,
        "B_NEXT": WORD,
    }
    assert [headers.constants[name].enum for name in ("A_ONE", "B_FIVE", "B_SIX", "B_NEXT")] == [
        "",
        "b_kind",
        "b_kind",
        "",
    ]
    assert headers.constants["A_TWO"].header == "linux/a.h"
    assert headers.names == {"linux/a.h", "linux/b.h"}


def test_the_first_of_several_definitions_counts():
    headers = UapiHeaders(
        {"linux/b.h": "#define A 3\n#define B 4\n#define B 5\n", "asm-generic/a.h": "#define A 1\n#define B UNKNOWN\n"}
    )
    assert (headers.constants["A"].value, headers.constants["A"].header) == (1, "asm-generic/a.h")
    assert (headers.constants["B"].value, headers.constants["B"].header) == (4, "linux/b.h")


def test_a_macro_stands_before_an_enumerator_of_its_name():
    headers = UapiHeaders({"linux/a.h": "enum e { A = 1, B, C };\n#define A A\n#define B 7\n#define C UNKNOWN\n"})
    assert {name: (constant.value, constant.enum) for name, constant in headers.constants.items()} == {
        "A": (1, "e"),
        "B": (7, ""),
    }


def test_a_definition_that_needs_itself_has_no_value():
    headers = UapiHeaders(
        {"linux/a.h": "#define A B\n#define B (A + 1)\n#define C 3\n#define D(x) D(x)\n#define E D(1)\n"}
    )
    assert set(headers.constants) == {"C"}


def test_macros_that_double_without_end_are_given_up():
    text = "#define A0 1\n" + "".join(f"#define A{n} (A{n - 1} + A{n - 1})\n" for n in range(1, 25))
    headers = UapiHeaders({"linux/a.h": text})
    assert headers.constants["A8"].value == 256
    assert "A24" not in headers.constants


def test_a_tree_gives_each_headers_constants_with_its_path():
    files = {"include/uapi/linux/a.h": "#define A (B + 1)\n", "include/linux/b.h": "#define B 1\nenum { C = B };\n"}
    headers = Headers(MemoryFiles(files))
    assert {
        name: (constant.value, constant.header) for name, constant in headers.constants("include/linux/b.h").items()
    } == {
        "B": (1, "include/linux/b.h"),
        "C": (1, "include/linux/b.h"),
    }
    assert headers.constants("include/uapi/linux/a.h")["A"].value == 2
    assert headers.constants("include/linux/gone.h") == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("__u64 a; __u64 b;", 16),
        ("__u32 a; __u64 b; __u8 c;", 24),
        ("__u64 a : 1, b : 2, c : 61; __u32 d; union { __u32 e; __u64 f; }; __u16 g, h;", 32),
        ("__u32 a; struct { __u16 x; __u8 y[3]; } in[2];", 16),
        ("__aligned_u64 p; __u32 n[N]; __u8 ctx[] __counted_by(n);", 16),
        ("__u32 n; __u64 ctx[] __counted_by_le(n);", 8),
        ("char *name; int fd;", 16),
        ("foo_t *unknown; int32_t fd; int16_t x; int8_t y;", 16),
        ("__u32 a : 3; __u32 : 0; __u32 b : 1;", 8),
        ("__u32 a : 3; __u32 : 0;", 4),
        ("__u32 a : 4; __u8 b;", 4),
        ("__u32 a; __u64 b : 1;", 8),
        ("__u16 a : 9; __u16 b : 9;", 4),
        ("__u8 a; __u32 : 9; __u8 b;", 4),
        ("union { __u32 a : 3; __u8 b; };", 4),
        ("struct { union { __u8 a; __u64 b; }; }; __u32 c;", 16),
        ("const unsigned long long a; unsigned char b[8];", 16),
        ("__u8 a; __u8 b __attribute__((aligned(8)));", 16),
        ("__u8 a; __u8 b __attribute__((__aligned__(N * 8)));", 32),
        ("enum kind a; __u8 b;", 8),
        ("struct other o; __u8 b;", 12),
    ],
)
def test_a_struct_is_as_large_as_the_abi_makes_it(body, expected):
    assert size(body, "#define N 2\nstruct other { __u32 a, b; };\n") == expected


@pytest.mark.parametrize(
    ("body", "attribute", "expected"),
    [
        ("__u64 a; __s32 fd;", "__attribute__((packed))", 12),
        ("__u64 a; __s32 fd;", "__attribute__((__packed__, aligned(8)))", 16),
        ("__u64 a; __u8 b;", "__attribute__((aligned(4), packed))", 12),
        ("__u8 a : 4; __u32 b : 31; __u8 c : 5;", "__attribute__((packed))", 5),
        ("__u32 a : 3; __u32 : 0; __u8 b;", "__attribute__((packed))", 5),
        ("__u8 a; struct { __u8 x; __u64 y; } b;", "__packed", 17),
    ],
)
def test_a_packed_struct_has_no_padding_but_what_is_asked_for(body, attribute, expected):
    assert size(body, after=f" {attribute}") == expected


def test_bit_fields_have_their_places_on_both_kinds_of_machine():
    body = "__u32 a; __u64 b : 1, c : 40; __u32 d : 5, : 0; __u8 e;"
    layout = Headers(MemoryFiles({"include/uapi/linux/a.h": f"struct s {{ {body} }};\n"})).layout("s")
    assert [(field.name, field.offset, field.offset32, field.bits) for field in layout.fields] == [
        ("a", 0, 0, 0),
        ("b", 0, 4, 1),
        ("c", 8, 4, 40),
        ("d", 12, 8, 5),
        ("e", 16, 12, 0),
    ]
    assert (layout.size, layout.size32, layout.tail) == (24, 16, 7)


@pytest.mark.parametrize(
    "body",
    [
        "struct unknown u;",
        "foo_t x;",
        "__u64 a[M];",
        "struct s again;",
        "__u32 a : 33;",
        "__u32 a : -1;",
        "__u32 a __attribute__((aligned(M)));",
        "__struct_group(g, h, , __u32 a;);",
        pytest.param("struct { " * 600 + "__u8 a;" + " };" * 600, id="600 structs in each other"),
    ],
)
def test_what_is_not_known_has_no_size(body):
    assert size(body) is None


def test_a_struct_has_its_home_even_where_its_size_is_not_known():
    headers = UapiHeaders({"linux/a.h": "struct s { foo_t x; };\nunion s { __u8 a; };\n", "linux/b.h": "struct s;\n"})
    assert (headers.home("s"), headers.size("s")) == ("linux/a.h", None)
    assert (headers.home("s", "union"), headers.size("s", "union")) == ("linux/a.h", 1)
    assert (headers.home("t"), headers.size("t")) == ("", None)


@given(st.one_of(st.text(max_size=200), C_SOUP))
def test_no_text_breaks_the_reader(text):
    headers = UapiHeaders({"linux/a.h": text})
    assert all(0 <= constant.value <= WORD for constant in headers.constants.values())
    found = headers.size("s")
    assert found is None or found >= 0


@given(st.integers(0, WORD), st.integers(0, 63))
def test_numbers_and_shifts_are_those_of_64_bits(number, shift):
    assert value(f"{number:#x}ULL") == number
    assert value(f"(({number}UL) << {shift}) | 1") == ((number << shift) & WORD) | 1
    assert value(f"{number}UL >> {shift}") == number >> shift

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of flag words, constant expressions, and struct layouts, from source text alone."""

from __future__ import annotations

import contextlib
import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.syscalls.domain.extensible import find_extensibles
from pumphouse.syscalls.domain.masks import accepted_of, masks_of, trace_call, words_of
from pumphouse.syscalls.domain.tree.expressions import NotConstantError, evaluate
from pumphouse.syscalls.domain.tree.files import MemoryFiles
from pumphouse.syscalls.domain.tree.headers import Headers
from syscalls_trees import NEW, changed, read


def test_masks_come_through_helpers_and_macros():
    assert masks_of(read()) == {"growfd": {"flags": 0o2000000, "grow_args.flags": 0x3, "grow_args.mode": 0o7777}}


def test_a_bit_that_is_refused_later_is_not_valid():
    later = changed(
        "kernel/grow.c",
        "\treturn 0;\n}\n\n/*",
        "\tif (args->flags & GROW_QUIET)\n\t\treturn -EINVAL;\n\treturn 0;\n}\n\n/*",
    )
    assert masks_of(read(later))["growfd"]["grow_args.flags"] == 0x1


def test_a_refusal_under_a_condition_takes_nothing_away():
    text = "\tif (args->fd) {\n\t\tif (args->flags & GROW_QUIET)\n\t\t\treturn -EINVAL;\n\t}\n\treturn 0;\n}\n\n/*"
    assert masks_of(read(changed("kernel/grow.c", "\treturn 0;\n}\n\n/*", text)))["growfd"]["grow_args.flags"] == 0x3


def test_a_constant_that_is_handed_down_decides_branches():
    text = "\tif (user) {\n\t\tif (args->flags & GROW_QUIET)\n\t\t\treturn -EINVAL;\n\t}\n\treturn 0;\n}\n\n/*"
    files = changed("kernel/grow.c", "\treturn 0;\n}\n\n/*", text)
    files["kernel/grow.c"] = files["kernel/grow.c"].replace(
        "struct grow_args *args)", "struct grow_args *args, bool user)"
    )
    for value, mask in (("true", 0x1), ("false", 0x3)):
        called = {
            **files,
            "kernel/grow.c": files["kernel/grow.c"].replace("grow_check(&args)", f"grow_check(&args, {value})"),
        }
        assert masks_of(read(called))["growfd"]["grow_args.flags"] == mask


@pytest.mark.parametrize(
    ("use", "mask"), [("if (!grow_quick(args->flags))", 0x1), ("if (grow_quick(args->flags))", 0x3)]
)
def test_false_of_a_helper_refuses_only_where_it_is_called_so(use, mask):
    helper = "static bool grow_quick(u64 flags)\n{\n\tif (flags & GROW_QUIET)\n\t\treturn false;\n\treturn true;\n}\n\n"
    files = changed("kernel/grow.c", "\treturn 0;\n}\n\n/*", f"\t{use}\n\t\treturn -EINVAL;\n\treturn 0;\n}}\n\n/*")
    files["kernel/grow.c"] = files["kernel/grow.c"].replace("static int grow_check", helper + "static int grow_check")
    assert masks_of(read(files))["growfd"]["grow_args.flags"] == mask


def test_a_bit_with_which_the_call_returns_before_is_valid():
    check = "\tif (flags & ~GROW_VALID_AT_FLAGS)\n"
    text = "\tif (flags & GROW_QUIET)\n\t\treturn grow_quietly(uargs);\n\tif (flags)\n"
    assert masks_of(read(changed("kernel/grow.c", check, text)))["growfd"]["flags"] == 0x2


def test_a_list_of_values_is_told_as_values():
    text = "\tif (flags) {\n\t\tif (flags == GROW_CLOEXEC)\n\t\t\treturn 1;\n\t\treturn -EINVAL;\n\t}\n"
    old = "\tif (flags & ~GROW_VALID_AT_FLAGS)\n\t\treturn -EINVAL;\n"
    tree = read(changed("kernel/grow.c", old, text))
    word = words_of(tree, trace_call(tree, tree.natives["growfd"]))["flags"]
    assert (word.mask, word.values) == (None, (0, 0o2000000))


def test_a_bit_that_is_dropped_is_accepted_but_not_valid():
    check = "\tif (flags & ~GROW_VALID_AT_FLAGS)"
    tree = read(changed("kernel/grow.c", check, "\tu64 strip = 0x4000 | GROW_CLOEXEC;\n\tflags &= ~strip;\n" + check))
    assert masks_of(tree)["growfd"]["flags"] == 0o2000000
    assert accepted_of(tree)["growfd"]["flags"] == 0o2040000


def test_a_struct_that_can_grow_is_told_with_its_sizes():
    (item,) = find_extensibles(read())["growfd"]
    assert (item.tag, item.sizes, item.size_via, item.direction) == ("grow_args", (16, 24), "usize", "in")
    assert [(check.operator, check.error) for check in item.checks] == [(">", "E2BIG"), ("<", "EINVAL")]


class Nothing:
    def macro(self, name):
        return {"TWO": (None, "(1 + 1)"), "ADD": (("a", "b"), "((a) + (b))"), "SELF": (None, "SELF")}.get(name)

    def enumerator(self, name):
        return {"FIRST": 7}.get(name)

    def size_of(self, what):
        return {"struct s": 24}.get(what)

    def end_of(self, what, field):
        return (8, 4) if (what, field) == ("struct s", "f") else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x3 | (1U << 4)", 0x13),
        ("~(u64)0xff", ~0xFF),
        ("00100000 | O", None),
        ("010", 8),
        ("TWO * ADD(3, TWO)", 10),
        ("BIT_ULL(33) - 1", (1 << 33) - 1),
        ("GENMASK(3, 1)", 0b1110),
        ("sizeof(struct s) - offsetofend(struct s, f)", 12),
        ("FIRST ? 1 : 2", 1),
        ("'A'", 65),
        ("1 << 4000", None),
        ("4 / 0", None),
        ("SELF", None),
        ("09", None),
        ("(", None),
        ("", None),
    ],
)
def test_constant_expressions_have_c_values(text, value):
    if value is None:
        with pytest.raises(NotConstantError):
            evaluate(text, Nothing())
    else:
        assert evaluate(text, Nothing()) == value


@given(st.text(alphabet="()[]+-*/%&|^~!<>=?:,.0x1uUL aTWOADDsizeof'\n", max_size=40))
def test_no_expression_breaks_the_evaluator(text):
    with contextlib.suppress(NotConstantError):
        assert isinstance(evaluate(text, Nothing()), int)


def layout(body: str, after: str = ""):
    text = f"#define COUNT 3\nstruct probe {{\n{body}\n}}{after};\n"
    return Headers(MemoryFiles({"include/uapi/linux/p.h": text})).layout("probe")


FIELDS = {
    "__u8": ctypes.c_uint8,
    "__u16": ctypes.c_uint16,
    "__u32": ctypes.c_uint32,
    "int": ctypes.c_int,
    "__u64": ctypes.c_uint64,
    "unsigned long": ctypes.c_ulong,
    "char": ctypes.c_char,
}


@given(st.lists(st.tuples(st.sampled_from(sorted(FIELDS)), st.integers(0, 3)), min_size=1, max_size=12))
def test_layouts_are_those_of_the_compilers_abi(fields):
    lines = [f"{ctype} f{index}{f'[{count}]' if count else ''};" for index, (ctype, count) in enumerate(fields)]
    pairs = [
        (f"f{index}", FIELDS[ctype] * count if count else FIELDS[ctype]) for index, (ctype, count) in enumerate(fields)
    ]
    expected = type("Probe", (ctypes.Structure,), {"_fields_": pairs})
    found = layout("\n".join(lines))
    assert found.size == ctypes.sizeof(expected)
    assert [field.offset for field in found.fields] == [getattr(expected, name).offset for name, _ in pairs]
    assert sum(size for _, size in found.holes) + found.tail == found.size - sum(field.size for field in found.fields)


def test_layouts_know_unions_bit_fields_attributes_and_nesting():
    found = layout(
        "__u32 size; /* of all */\n\t__u64 a : 1, b : 62, : 1;\n\tunion {\n\t\t__u64 period;\n\t\t__u32 freq;\n\t};\n"
        "\tstruct { __u16 x[COUNT]; __u16 y; } point;\n\t__aligned_u64 ptr;\n\t__u8 tail[];"
    )
    places = {field.name: field.offset for field in found.fields}
    assert (places["a"], places["b"], places["period"], places["freq"]) == (0, 8, 16, 16)
    assert (places["point"], places["point.y"], places["ptr"], found.size) == (24, 30, 32, 40)
    assert found.is_flexible
    assert found.holes == ((5, 3),)  # a is bit 32, beside size; b would cross its type's bounds there
    assert layout("__u8 a; __u32 b;", " __attribute__((packed))").size == 5
    assert layout("__u64 a;\n__u32 b;").size32 == 12
    assert layout("something_t a;") is None


@given(st.text(alphabet="{};:,*[]()_ struconite8a0\n", max_size=80))
def test_no_struct_breaks_the_layouter(body):
    found = layout(body)
    assert found is None or found.size >= 0


def test_a_struct_that_holds_itself_has_no_layout():
    assert layout("struct probe inner;") is None
    assert NEW

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Identities of functions are computed as gcc computes them, and anew for trees at other paths."""

from __future__ import annotations

import msgspec
import pytest

from pgo_profiles import CALLS_GCDA, CALLS_GCNO, make_function, make_gcda
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcc_ident import lineno_checksum, public_ident, static_ident
from pumphouse.pgo.domain.gcda import read_gcda
from pumphouse.pgo.domain.gcno import read_gcno
from pumphouse.pgo.domain.names import FunctionName, name_functions
from pumphouse.pgo.domain.remap import remap

pytestmark = pytest.mark.unit

NOTES = read_gcno(CALLS_GCNO, name="calls.gcno")


def test_identities_are_those_of_gcc() -> None:
    for one in NOTES.functions:
        expected = static_ident("hot", "calls.c", "calls") if one.name == "hot" else public_ident(one.name)
        assert one.ident == expected
        assert one.lineno_checksum == lineno_checksum(one.name, one.source, one.start_line)


def test_a_static_function_gets_the_identity_of_the_new_path() -> None:
    old, new = "/usr/src/linux-6.1", "/home/me/linux/"
    static = static_ident("hot", "/usr/src/linux-6.1/kernel/calls.c", "kernel/calls")
    names = {
        "kernel/calls": {
            static: FunctionName(static, "hot", "kernel/calls.c", 5, in_tree=True),
            public_ident("cold"): FunctionName(public_ident("cold"), "cold", "kernel/calls.c", 18, in_tree=True),
            7: FunctionName(7, "bounds", "./include/generated/bounds.h", 1, in_tree=False),
        }
    }
    gcda = make_gcda(make_function(static, 9), make_function(public_ident("cold"), 3), make_function(7, 1))
    moved = remap({"kernel/calls": gcda}, names, old_path=old, new_path=new)
    hot, cold, generated = moved.profile["kernel/calls"].functions
    assert hot.ident == static_ident("hot", "/home/me/linux/kernel/calls.c", "kernel/calls")
    assert hot.lineno_checksum == lineno_checksum("hot", "/home/me/linux/kernel/calls.c", 5)
    assert cold.ident == public_ident("cold")
    assert cold.lineno_checksum == lineno_checksum("cold", "/home/me/linux/kernel/calls.c", 18)
    assert generated == gcda.functions[2]
    assert (moved.moved, moved.kept, moved.lost) == (1, 2, [])
    assert {one.name for one in moved.names["kernel/calls"].values()} == {"hot", "cold", "bounds"}
    back = remap(moved.profile, moved.names, old_path=new, new_path=old)
    assert back.names == {name: dict(known) for name, known in names.items()}
    assert [one.key for one in back.profile["kernel/calls"].functions] == [one.key for one in gcda.functions]


def test_what_cannot_be_followed_is_told_and_kept() -> None:
    names = {"a": {2: FunctionName(2, "lambda", "a.c", 5, in_tree=True)}}
    gcda = make_gcda(make_function(1, 9), make_function(2, 4))
    moved = remap({"a": gcda}, names, old_path="/a", new_path="/b")
    assert moved.profile == {"a": gcda}
    assert [(one.ident, one.name, one.count, one.why) for one in moved.lost] == [
        (1, "", 9, "its name is not known"),
        (2, "lambda", 4, "its ident is not computed as that of C functions is"),
    ]


def test_two_functions_never_get_one_identity() -> None:
    static, target = (static_ident("hot", f"/{path}/a.c", "a") for path in "xy")
    names = {"a": {static: FunctionName(static, "hot", "a.c", 5, in_tree=True)}}
    gcda = make_gcda(make_function(target, 1), make_function(static, 9))
    moved = remap({"a": gcda}, names, old_path="/x", new_path="/y")
    assert [one.ident for one in moved.profile["a"].functions] == [target, static]
    assert [one.why for one in moved.lost] == ["its name is not known", "its new ident is taken"]


def test_names_know_what_lies_in_the_tree() -> None:
    functions = tuple(msgspec.structs.replace(one, source="/src/kernel/" + one.source) for one in NOTES.functions[:3])
    gcno = msgspec.structs.replace(NOTES, functions=(*functions, NOTES.functions[3]))
    names = name_functions({"kernel/calls": gcno}, "/src/")["kernel/calls"].values()
    assert [(one.name, one.source, one.in_tree) for one in names] == [
        ("main", "kernel/calls.c", True),
        ("never", "kernel/calls.c", True),
        ("cold", "kernel/calls.c", True),
        ("hot", "calls.c", False),
    ]
    with pytest.raises(UserError, match="no absolute path"):
        name_functions({}, "linux-6.1")


def test_a_whole_file_at_the_same_path_stays_as_it_is() -> None:
    gcda = read_gcda(CALLS_GCDA, name="calls.gcda")
    source = "/build/example"
    notes = msgspec.structs.replace(
        NOTES, functions=tuple(msgspec.structs.replace(one, source=f"{source}/calls.c") for one in NOTES.functions)
    )
    moved = remap({"x": gcda}, name_functions({"x": notes}, source), old_path=source, new_path=source)
    assert [one.key for one in moved.profile["x"].functions] == [one.key for one in gcda.functions]

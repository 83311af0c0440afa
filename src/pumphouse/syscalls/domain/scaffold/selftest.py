# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kselftest of a call, from its specification: data in two arrays, which `extend` appends to, and fixed code.

A binary that is older than the kernel passes, and so does one that is newer: it finds out how much of the struct the
kernel knows, and expects E2BIG for what lies beyond.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.scaffold.code import SPDX
from pumphouse.syscalls.domain.scaffold.spec import CallSpec
from pumphouse.syscalls.domain.scaffold.struct import Member

TEMPLATE = (Path(__file__).parents[2] / "data" / "scaffold" / "selftest.c").read_text(encoding="utf-8")
ARGUMENT = "-1"  # the offset of a word that is an argument
SIZES_END = "\t/* another version: another line */\n"
WORDS_END = "\t/* fields of another version: more lines */\n"


def folder(name: str) -> str:
    """Where the selftest of a call is."""
    return f"tools/testing/selftests/{name}"


def write_makefile(name: str) -> str:
    """Its Makefile."""
    return (
        f"# {SPDX} GPL-2.0-only\n\n"
        "CFLAGS += -Wall -O2 -g $(KHDR_INCLUDES)\n"
        f"TEST_GEN_PROGS := {name}_test\n\n"
        "include ../lib.mk\n"
    )


def add_target(text: str, name: str) -> str:
    """tools/testing/selftests/Makefile with the call's folder, at its place in the alphabet."""
    targets = list(re.finditer(r"^TARGETS \+= (\S+)\n", text, re.MULTILINE))
    if not targets:
        raise UserError("the selftests have no targets", where="tools/testing/selftests/Makefile", why="no TARGETS +=")
    before = [match for match in targets if match[1] < name] or targets[:1]
    at = before[-1].end()
    return text[:at] + f"TARGETS += {name}\n" + text[at:]


def word_line(member: Member, version_end: int) -> str:
    """A field's line in the array of words: of flags, reserved, or any value."""
    field = member.field
    mask = f"0x{sum(1 << flag.bit for flag in (field.flags or {}).values()):x}ULL"
    kind = "RESERVED" if member.reserved else "FLAGS" if field.flags is not None else "VALUE"
    return f'\t{{ "{field.name}", {member.offset}, {field.size}, {kind}, {mask}, {version_end} }},\n'


def write_selftest(spec: CallSpec, members: Sequence[Member], number: int) -> str:
    """The C file of the selftest."""
    words = []
    positions = {}
    for at, argument in enumerate(spec.argument):
        positions[argument.name] = at
        if argument.flags is not None:
            mask = sum(1 << flag.bit for flag in argument.flags.values())
            words.append(f'\t{{ "argument {argument.name}", {ARGUMENT}, 4, FLAGS, 0x{mask:x}ULL, {at} }},\n')
    words += [word_line(member, members[-1].end) for member in members]
    passed = []
    for at, argument in enumerate(spec.argument):
        if argument.flags is not None:
            passed.append(f"(unsigned int)flags[{at}]")
        elif argument.type.endswith("*"):
            passed.append("NULL")
        else:
            passed.append("-1" if argument.name.endswith("fd") else "0")
    call = ", ".join(["NUMBER", *passed, "args", "usize"])
    return (
        TEMPLATE.replace("@NAME@", spec.name)
        .replace("@NUMBER@", str(number))
        .replace("@SIZES@", f"\t{members[-1].end},\n{SIZES_END}")
        .replace("@WORDS@", "".join(words) + WORDS_END)
        .replace("@CALL@", call)
    )


def grow_selftest(text: str, members: Sequence[Member], *, path: str) -> str:
    """A selftest with another version. Raises UserError where it was not made here."""
    for mark in (SIZES_END, WORDS_END):
        if text.count(mark) != 1:
            raise UserError(
                "this selftest cannot be grown",
                where=path,
                why=f"the line {mark.strip()!r} is not in it once",
                next_step="append the new version by hand, or keep the marks of `pumphouse syscalls add`",
            )
    end = members[-1].end
    words = "".join(word_line(member, end) for member in members)
    return text.replace(SIZES_END, f"\t{end},\n{SIZES_END}").replace(WORDS_END, words + WORDS_END)

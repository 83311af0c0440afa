# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a tree says about its system calls, as records. Every record knows its file and line (from 1)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One row of a table: a number, and what it leads to. `-` in a table is the empty string here."""

    number: int
    abi: str  # common, 64, 32, x32, i386, nospu, spu, o32, n32, n64, ...
    name: str  # openat2
    entry: str  # sys_openat2
    compat: str  # compat_sys_...
    file: str
    line: int


class Table(msgspec.Struct, frozen=True):
    """One file that gives numbers to system calls."""

    file: str
    label: str  # x86-64, s390, generic, ...
    kind: str  # tbl, unistd32 (arm64's list), unistd (the generic header)
    entries: tuple[Entry, ...]


class Argument(NamedTuple):
    """One argument: its C type, spaces collapsed, and its name."""

    ctype: str
    name: str


class Definition(msgspec.Struct, frozen=True):
    """A SYSCALL_DEFINEn or one of its variants, with its body's text (comments blanked, of the file's lines)."""

    name: str  # openat2
    kind: str  # native or compat
    macro: str  # SYSCALL_DEFINE4
    arguments: tuple[Argument, ...]
    file: str
    line: int
    body_start: int  # position in the file's text
    body_end: int
    body: str

    @property
    def declared(self) -> int | None:
        """The number of arguments that the macro's name tells, None for SYSCALL_DEFINEx."""
        return int(self.macro[-1]) if self.macro[-1].isdigit() else None


class Prototype(msgspec.Struct, frozen=True):
    """A declaration in syscalls.h or compat.h."""

    symbol: str  # sys_openat2, compat_sys_...
    arguments: tuple[Argument, ...]
    file: str
    line: int


class Condition(msgspec.Struct, frozen=True):
    """A COND_SYSCALL of sys_ni.c: the call may be configured out."""

    name: str
    kind: str  # native or compat
    file: str
    line: int


class Constant(msgspec.Struct, frozen=True):
    """A named constant of a header: its value in 64 bits, the header, and the tag of its enum, if it has one."""

    value: int
    header: str
    enum: str = ""

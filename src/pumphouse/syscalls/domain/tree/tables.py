# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The tables that give numbers to system calls, in the three forms that kernels have had.

- `*.tbl`: `number abi name entry-point [compat-entry-point [noreturn]]` (scripts/syscalltbl.sh reads them);
- arch/arm64/include/asm/unistd32.h, until 6.10: `#define __NR_x n` and `__SYSCALL(__NR_x, sys_x)`;
- include/uapi/asm-generic/unistd.h, the truth for eight architectures until 6.10 and still kept: the same with
  __SC_COMP, __SC_3264 and __SC_COMP_3264.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pumphouse.syscalls.domain.tree.ctext import Lines, blank, decode, find_close, split_arguments
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.records import Entry, Table

GENERIC_HEADER = "include/uapi/asm-generic/unistd.h"
ARM64_COMPAT_HEADER = "arch/arm64/include/asm/unistd32.h"
GENERIC_TABLE = "scripts/syscall.tbl"

_ROW = re.compile(r"\s*(\d+)\s+(\S+)\s+(\S+)(?:\s+(\S+))?(?:\s+(\S+))?")
_NUMBER = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(__NR\w*?_\w+)[ \t]+(\w+)[ \t]*$", re.MULTILINE)
_USE = re.compile(r"^[ \t]*(__SYSCALL|__SC_COMP_3264|__SC_COMP|__SC_3264)[ \t]*\(", re.MULTILINE)
_PREFIX = re.compile(r"^__NR3264_|^__NR_")


def read_tbl(text: str, file: str) -> tuple[Entry, ...]:
    """The rows of a .tbl file. Lines that are neither rows nor comments are left out."""
    entries = []
    for line, row in enumerate(text.split("\n"), 1):
        match = _ROW.match(row.partition("#")[0])
        if match:
            number, abi, name, entry, compat = match.groups()
            entries.append(
                Entry(
                    int(number), abi, name, _symbol(entry), "" if compat == "noreturn" else _symbol(compat), file, line
                )
            )
    return tuple(entries)


def read_unistd(text: str, file: str) -> tuple[Entry, ...]:
    """The calls of a header that defines __NR_x and uses __SYSCALL and its kin.

    A number is a literal or the name of another one (`#define __NR_fcntl __NR3264_fcntl` makes no entry of its own).
    Where 32 and 64 bit differ the 64-bit entry point is given.
    """
    text = blank(text)
    lines = Lines(text)
    numbers = {name: int(value, 0) for name, value in _NUMBER.findall(text) if value.isdigit()}
    entries = []
    for match in _USE.finditer(text):
        close = find_close(text, match.end() - 1)
        arguments = split_arguments(text[match.end() : close]) if close > 0 else []
        if len(arguments) < 2:
            continue
        number = numbers.get(arguments[0])
        if number is None and arguments[0].isdigit():
            number = int(arguments[0])
        if number is None:
            continue
        kind = match.group(1)
        position = 2 if kind in ("__SC_3264", "__SC_COMP_3264") and len(arguments) > 2 else 1
        compat = arguments[-1] if kind.startswith("__SC_COMP") and len(arguments) > 2 else ""
        name = _PREFIX.sub("", arguments[0])
        entries.append(
            Entry(number, "common", name, _symbol(arguments[position]), _symbol(compat), file, lines.at(match.start()))
        )
    return tuple(entries)


def find_tables(files: Files, paths: Iterable[str]) -> Iterator[Table]:
    """All tables of a tree: those among the paths below arch/, in their order, then the generic ones."""
    for path in paths:
        if path.endswith(".tbl") and "syscall" in path and (content := files.read(path)) is not None:
            yield Table(path, _label(path), "tbl", read_tbl(decode(content), path))
    if (content := files.read(ARM64_COMPAT_HEADER)) is not None:
        entries = read_unistd(decode(content), ARM64_COMPAT_HEADER)
        if entries:
            yield Table(ARM64_COMPAT_HEADER, "arm64-32", "unistd32", entries)
    generic = files.read(GENERIC_TABLE)
    if generic is not None:
        yield Table(GENERIC_TABLE, "generic", "tbl", read_tbl(decode(generic), GENERIC_TABLE))
    if (content := files.read(GENERIC_HEADER)) is not None:
        entries = read_unistd(decode(content), GENERIC_HEADER)
        if entries:
            label = "generic" if generic is None else "generic-header"
            yield Table(GENERIC_HEADER, label, "unistd", entries)


def _symbol(word: str | None) -> str:
    return "" if word in (None, "-") else str(word)


def _label(path: str) -> str:
    arch = path.split("/")[1]
    variant = re.search(r"syscall_(\w+)\.tbl$", path)
    return f"{arch}-{variant.group(1)}" if variant else arch

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A new row in every table of a tree, under one number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.tree.ctext import decode
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.records import Entry, Table
from pumphouse.syscalls.domain.tree.tables import read_tbl

ALPHA_OFFSET = 110  # arch/alpha/kernel/syscalls/syscall.tbl: common numbers begin later there
FIRST_COMMON = 424  # since 5.1 all architectures count alike
ARM64_COMPAT = "arch/arm64/include/asm/unistd.h"
TOOLS_HEADER = "tools/include/uapi/asm-generic/unistd.h"
_ROW = re.compile(r"^(\d+)([ \t]+)(\S+)([ \t]+)(\S+)([ \t]+)(\S+)(.*)$")


def offset_of(table: Table) -> int:
    """What a table adds to common numbers."""
    return ALPHA_OFFSET if table.label == "alpha" else 0


def next_number(tree: KernelTree) -> int:
    """The next common number: behind the newest call, and free in each table. Raises UserError without a table."""
    generic = [table for table in tree.tables if table.label.startswith("generic")]
    if not generic:
        raise UserError(
            "the tree has no generic table",
            where="scripts/syscall.tbl, include/uapi/asm-generic/unistd.h",
            why="the next number is read from it",
            next_step="name a complete kernel tree",
        )
    number = max(entry.number for table in generic for entry in table.entries) + 1
    taken = {entry.number - offset_of(table) for table in tree.tables for entry in table.entries}
    while number in taken:
        number += 1
    return max(number, FIRST_COMMON)


def add_rows(tree: KernelTree, name: str, number: int) -> Iterator[tuple[str, str]]:
    """The new text of each table, by path. A table that is a link to another is left to that one."""
    for table in tree.tables:
        text = _text(tree.files, table.file)
        if table.kind == "tbl":
            if table.label == "arm64-64" and _text(tree.files, "scripts/syscall.tbl") == text:
                continue  # a symbolic link
            yield table.file, add_row(text, table.entries, name, number + offset_of(table), wide="s390" in table.file)
        elif table.kind == "unistd":
            yield table.file, add_to_header(text, name, number)
        else:
            yield table.file, add_to_compat_list(text, name, number)
            header = _text(tree.files, ARM64_COMPAT)
            yield (
                ARM64_COMPAT,
                re.sub(r"(#define __NR_compat_syscalls[ \t]+)\d+", lambda m: f"{m[1]}{number + 1}", header),
            )


def add_tool_rows(files: Files, name: str, number: int) -> Iterator[tuple[str, str]]:
    """The same for the copies below tools/."""
    for path in files.walk("tools/perf", (".tbl",)):
        if "syscall" in path:
            text = _text(files, path)
            offset = ALPHA_OFFSET if "/alpha/" in path else 0
            yield path, add_row(text, read_tbl(text, path), name, number + offset, wide="s390" in path)
    if (content := files.read("tools/scripts/syscall.tbl")) is not None:
        text = decode(content)
        yield "tools/scripts/syscall.tbl", add_row(text, read_tbl(text, ""), name, number, wide=False)
    if (content := files.read(TOOLS_HEADER)) is not None:
        yield TOOLS_HEADER, add_to_header(decode(content), name, number)


def add_row(text: str, entries: tuple[Entry, ...], name: str, number: int, *, wide: bool) -> str:
    """A .tbl with one more row, behind the nearest lower number and spaced like it; `wide` tables name compat too."""
    before = [entry for entry in entries if entry.number < number]
    if not before or any(entry.number == number for entry in entries):
        raise UserError(
            f"number {number} does not fit into this table",
            where=entries[0].file if entries else "an empty table",
            why="it is taken, or there is no lower one",
            next_step="look at the table; a call of this number cannot be added",
        )
    anchor = max(before, key=lambda entry: (entry.number, entry.line))
    abis = Counter(entry.abi for entry in before[-10:])
    lines = text.split("\n")
    row = _ROW.match(lines[anchor.line - 1])
    gap, tabs = (row[2], row[4]) if row else ("\t", "\t")
    symbol = f"sys_{name}"
    start = f"{number}{gap.strip(' ') or gap}{abis.most_common(1)[0][0]}{tabs}"
    width = max(1, 4 - len(name) // 8)
    ending = f"{symbol}\t\t{symbol}" if wide else symbol
    lines.insert(anchor.line, f"{start}{name}" + "\t" * width + ending)
    return "\n".join(lines)


def add_to_header(text: str, name: str, number: int) -> str:
    """include/uapi/asm-generic/unistd.h with one more call."""
    match = re.search(r"#undef __NR_syscalls\n#define __NR_syscalls \d+\n", text)
    if match is None:
        raise UserError(
            "the generic header has no __NR_syscalls",
            where="include/uapi/asm-generic/unistd.h",
            next_step="name a complete kernel tree",
        )
    entry = f"#define __NR_{name} {number}\n__SYSCALL(__NR_{name}, sys_{name})\n\n"
    return (
        text[: match.start()]
        + entry
        + f"#undef __NR_syscalls\n#define __NR_syscalls {number + 1}\n"
        + text[match.end() :]
    )


def add_to_compat_list(text: str, name: str, number: int) -> str:
    """arch/arm64/include/asm/unistd32.h with one more call."""
    last = list(re.finditer(r"^__SYSCALL\(.*\)\n", text, re.MULTILINE))[-1]
    return (
        text[: last.end()] + f"#define __NR_{name} {number}\n__SYSCALL(__NR_{name}, sys_{name})\n" + text[last.end() :]
    )


def _text(files: Files, path: str) -> str:
    return decode(files.read(path) or b"")

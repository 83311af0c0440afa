# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The inventory of a tree's system calls, and how it is written for a terminal.

Counting: a *call* is a name that has a native SYSCALL_DEFINEn and stands in at least one table as sys_NAME. Entries of
tables are counted as they stand, one for each row that has a number.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pumphouse.syscalls.domain.extensible import find_extensibles
from pumphouse.syscalls.domain.masks import Word, is_flag_name, trace_call, words_of
from pumphouse.syscalls.domain.tree.kernel import KernelTree


class Argument(msgspec.Struct, frozen=True):
    """One argument."""

    ctype: str
    name: str


class GrowingStruct(msgspec.Struct, frozen=True):
    """A struct that can grow: sizes in bytes of all its versions."""

    tag: str
    direction: str
    size_via: str
    copier: str
    sizes: tuple[int, ...]
    versions: dict[str, int | None]


class Flags(msgspec.Struct, frozen=True):
    """A flag word: its accepted bits, None where the code states none that can be worked out."""

    word: str
    mask: int | None
    values: tuple[int, ...]
    file: str
    line: int


class Call(msgspec.Struct, frozen=True):
    """One system call."""

    name: str
    numbers: dict[str, int]
    arguments: tuple[Argument, ...]
    file: str
    line: int
    has_compat: bool
    is_conditional: bool
    structs: tuple[GrowingStruct, ...]
    flags: tuple[Flags, ...]


class TableCount(msgspec.Struct, frozen=True):
    """How many entries a table has, and how many of them lead to something."""

    label: str
    file: str
    entries: int
    implemented: int  # that do not lead to sys_ni_syscall
    highest: int


class Inventory(msgspec.Struct, frozen=True):
    """What `pumphouse syscalls list --json` prints."""

    version: str
    calls: tuple[Call, ...]
    tables: tuple[TableCount, ...]


def take_inventory(tree: KernelTree, *, progress: Callable[[str, float], None] | None = None) -> Inventory:
    """The inventory of a tree. `progress` is told the call and the fraction done."""
    extensibles = find_extensibles(tree)
    conditional = {condition.name for condition in tree.conditions}
    calls = []
    names = sorted(name for name in tree.natives if name in tree.numbers)
    for count, name in enumerate(names):
        if progress and count % 50 == 0:
            progress(name, count / len(names))
        definition = tree.natives[name]
        structs = tuple(
            GrowingStruct(
                item.tag,
                item.direction,
                item.size_via,
                item.copier,
                item.sizes,
                {version.macro: version.size for version in item.versions},
            )
            for item in extensibles.get(name, ())
        )
        calls.append(
            Call(
                name=name,
                numbers=tree.numbers[name],
                arguments=tuple(Argument(argument.ctype, argument.name) for argument in definition.arguments),
                file=definition.file,
                line=definition.line,
                has_compat=name in tree.compats,
                is_conditional=name in conditional,
                structs=structs,
                flags=tuple(_flags(tree, name)),
            )
        )
    tables = tuple(
        TableCount(
            table.label,
            table.file,
            len(table.entries),
            sum(1 for entry in table.entries if entry.entry not in ("", "sys_ni_syscall")),
            max((entry.number for entry in table.entries), default=0),
        )
        for table in tree.tables
    )
    return Inventory(tree.version, tuple(calls), tables)


def _flags(tree: KernelTree, name: str) -> list[Flags]:
    events = tree.traces.get(name)
    if events is None and any(is_flag_name(argument.name) for argument in tree.natives[name].arguments):
        events = tuple(trace_call(tree, tree.natives[name]))
    words: dict[str, Word] = words_of(tree, list(events or ()))
    return [
        Flags(word.word, word.mask, word.values, word.file, word.line)
        for word in words.values()
        if word.mask is not None
        or (is_flag_name(word.word.rpartition(".")[2]) and (word.values or "." not in word.word))
    ]


def write_inventory(inventory: Inventory, *, only_extensible: bool) -> list[str]:
    """The inventory as lines of at most 80 columns, the counts first."""
    growing = sum(1 for call in inventory.calls if call.structs)
    flagged = sum(1 for call in inventory.calls for word in call.flags if word.mask is not None)
    lines = [
        (
            f"{inventory.version}: {len(inventory.calls)} system calls, {growing} take a struct that can grow, "
            f"{flagged} masks"
        ),
        "",
    ]
    for call in inventory.calls:
        if only_extensible and not call.structs:
            continue
        lines.append(f"{call.name:<24}{_number(call.numbers):>5}  {call.file}:{call.line}"[:80])
        for struct in call.structs:
            sizes = " ".join(str(size) for size in struct.sizes) or "size not known"
            arrow = "->" if struct.direction == "out" else "<-"
            lines.append(f"    {arrow} {struct.tag}: {sizes} bytes by {struct.size_via.lstrip('=')}"[:80])
        if only_extensible:
            for word in call.flags:
                value = f"{word.mask:#x}" if word.mask is not None else ", ".join(map(str, word.values)) or "not stated"
                lines.append(f"       {word.word:<40} {value}"[:80])
    if not only_extensible:
        lines += ["", f"{'table':<16}{'entries':>8}{'in use':>8}{'highest':>9}"]
        lines += [
            f"{table.label:<16}{table.entries:>8}{table.implemented:>8}{table.highest:>9}" for table in inventory.tables
        ]
    return lines


def _number(numbers: dict[str, int]) -> str:
    for label in ("x86-64", "generic"):
        if label in numbers:
            return str(numbers[label])
    return str(min(numbers.values()))

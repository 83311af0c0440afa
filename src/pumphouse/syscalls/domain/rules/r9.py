# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R9: a call is wired the same everywhere: one number, entry points that exist, prototypes, compat, sys_ni, copies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import NEW_ERA
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import ALPHA_OFFSET, Subject
from pumphouse.syscalls.domain.rules.wiring import check_conditions, check_copies, check_entries, check_prototypes
from pumphouse.syscalls.domain.tree.ctext import decode
from pumphouse.syscalls.domain.tree.records import Entry, Table
from pumphouse.syscalls.domain.tree.tables import GENERIC_HEADER


def _check(subject: Subject) -> Iterator[Hit]:
    yield from _check_numbers(subject)
    yield from _check_limits(subject)
    yield from check_entries(subject)
    yield from check_prototypes(subject)
    yield from check_conditions(subject)
    yield from check_copies(subject)


def _common(table: Table, entry: Entry) -> int:
    return entry.number - (ALPHA_OFFSET if table.label == "alpha" else 0)


def _check_numbers(subject: Subject) -> Iterator[Hit]:
    rows: dict[str, list[tuple[Table, Entry]]] = {}
    for table in subject.tree.tables:
        seen: dict[tuple[int, str], Entry] = {}
        for entry in table.entries:
            for abi in {entry.abi, "common"} if entry.abi != "common" else {"common"}:
                other = seen.get((entry.number, abi))
                if other and abi == entry.abi and other.name != entry.name and table.kind != "unistd":
                    yield Hit(
                        ERROR,
                        entry.file,
                        entry.line,
                        entry.name,
                        f"{entry.name} has the number {entry.number}, which {other.name} has in line {other.line}",
                    )
            seen[entry.number, entry.abi] = entry
            if entry.abi != "x32":
                rows.setdefault(entry.name, []).append((table, entry))
    young = {
        name: places
        for name, places in rows.items()
        if min((entry.number for table, entry in places if table.label != "alpha"), default=0) >= NEW_ERA
    }
    for name, places in young.items():
        counts = Counter(_common(table, entry) for table, entry in places)
        if len(counts) > 1:
            usual = counts.most_common(1)[0][0]
            for table, entry in places:
                if _common(table, entry) != usual:
                    wanted = usual + (ALPHA_OFFSET if table.label == "alpha" else 0)
                    yield Hit(
                        ERROR,
                        entry.file,
                        entry.line,
                        name,
                        f"{name} has the number {entry.number} in the table {table.label}, where {wanted} is its own",
                    )
    yield from _check_absent(subject, young)
    yield from _check_behind(subject, young)


def _check_behind(subject: Subject, rows: dict[str, list[tuple[Table, Entry]]]) -> Iterator[Hit]:
    """A call of common code that some tables end with and others have not reached: one finding for each call."""
    tables = [table for table in subject.tree.tables if table.label != "generic-header"]
    for name, places in rows.items():
        definition = subject.new_calls.get(name)
        if definition is None or definition.file.startswith("arch/"):
            continue
        number = min(_common(table, entry) for table, entry in places)
        behind = [
            table.label
            for table in tables
            if max((_common(table, entry) for entry in table.entries), default=number) < number
        ]
        if behind:
            message = f"{name} ({number}) is missing in {len(behind)} tables: {', '.join(behind)}"
            yield Hit(ERROR, definition.file, definition.line, name, message)


def _check_limits(subject: Subject) -> Iterator[Hit]:
    """__NR_syscalls and arm64's __NR_compat_syscalls are one more than the highest number."""
    limits = {
        "unistd": (GENERIC_HEADER, "__NR_syscalls"),
        "unistd32": ("arch/arm64/include/asm/unistd.h", "__NR_compat_syscalls"),
    }
    for table in subject.tree.tables:
        if table.kind not in limits or not table.entries:
            continue
        file, macro = limits[table.kind]
        text = decode(subject.tree.files.read(file) or b"")
        highest = max(entry.number for entry in table.entries)
        for match in re.finditer(rf"^[ \t]*#[ \t]*define[ \t]+{macro}[ \t]+(\d+)", text, re.MULTILINE):
            if int(match.group(1)) != highest + 1:
                name = next(entry.name for entry in table.entries if entry.number == highest)
                line = text.count("\n", 0, match.start()) + 1
                message = f"{macro} is {match.group(1)}, but {name} has the number {highest}"
                yield Hit(ERROR, file, line, name, message, f"#define {macro} {highest + 1}")


def _check_absent(subject: Subject, rows: dict[str, list[tuple[Table, Entry]]]) -> Iterator[Hit]:
    """A call that most tables have is missing in one that has later ones, and no comment there speaks of it."""
    tables = [table for table in subject.tree.tables if table.label != "generic-header"]
    for name, places in rows.items():
        if name not in subject.new_calls or len({table.file for table, _ in places}) * 3 < len(tables) * 2:
            continue
        number = min(_common(table, entry) for table, entry in places)
        for table in tables:
            if any(entry.name == name for entry in table.entries):
                continue
            highest = max((_common(table, entry) for entry in table.entries), default=0)
            own = number + (ALPHA_OFFSET if table.label == "alpha" else 0)
            content = subject.tree.files.read(table.file) or b""
            reserved = any(
                line.lstrip().startswith((b"#", b"/*")) and str(own).encode() in line and name.encode() in line
                for line in content.split(b"\n")
            )
            if highest > number and not reserved:
                after = max((entry.line for entry in table.entries if _common(table, entry) < number), default=1)
                yield Hit(WARNING, table.file, after, name, f"{name} ({own}) is missing in the table {table.label}")


RULE = Rule(
    9,
    "a call is wired the same everywhere",
    "a call that an architecture lacks, or has under another number, fails only where nobody tests",
    "give it one number in every table (alpha: and 110), a prototype, COND_SYSCALL, and update the copies in tools/",
    _check,
)

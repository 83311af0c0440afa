# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of R9 beside numbers: entry points, compat entries, prototypes, sys_ni.c, and the copies below tools/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree.ctext import decode
from pumphouse.syscalls.domain.tree.records import Argument, Table
from pumphouse.syscalls.domain.tree.tables import GENERIC_HEADER, read_tbl, read_unistd

_COMPAT_TABLES = frozenset({"x86-32", "arm64-32"})  # their compat column is for calls that have a compat definition
_COPIES = {
    "tools/perf/arch/x86/entry/syscalls/syscall_64.tbl": "arch/x86/entry/syscalls/syscall_64.tbl",
    "tools/perf/arch/x86/entry/syscalls/syscall_32.tbl": "arch/x86/entry/syscalls/syscall_32.tbl",
    "tools/perf/arch/powerpc/entry/syscalls/syscall.tbl": "arch/powerpc/kernel/syscalls/syscall.tbl",
    "tools/perf/arch/s390/entry/syscalls/syscall.tbl": "arch/s390/kernel/syscalls/syscall.tbl",
    "tools/perf/arch/mips/entry/syscalls/syscall_n64.tbl": "arch/mips/kernel/syscalls/syscall_n64.tbl",
    "tools/scripts/syscall.tbl": "scripts/syscall.tbl",
    "tools/include/uapi/asm-generic/unistd.h": GENERIC_HEADER,
}
_UNSIGNED = {
    "unsigned": "unsigned int",
    "u32": "unsigned int",
    "__u32": "unsigned int",
    "unsigned long int": "unsigned long",
}


def check_entries(subject: Subject) -> Iterator[Hit]:
    """Entry points that no definition, no sys_ni.c and no code of the architecture knows; missing compat entries."""
    tree = subject.tree
    known = {f"sys_{name}" for name in tree.natives} | {f"compat_sys_{name}" for name in tree.compats}
    known |= {f"sys_{name}" for name in tree.compats}  # SYSCALL32_DEFINEn makes either
    known |= {("compat_sys_" if item.kind == "compat" else "sys_") + item.name for item in tree.conditions}
    for table in tree.tables:
        for entry in table.entries:
            used = entry.compat if table.label == "arm64-32" and entry.compat else entry.entry
            for symbol in filter(None, (used, entry.compat)):
                if (
                    symbol in known
                    or symbol.endswith("sys_ni_syscall")
                    or not symbol.startswith(("sys_", "compat_sys_"))
                ):
                    continue
                if not _is_in_architecture(subject, table, symbol):
                    yield Hit(
                        ERROR,
                        entry.file,
                        entry.line,
                        entry.name,
                        f"{table.label}: nothing defines {symbol}",
                        "define it, or lead the number to sys_ni_syscall",
                    )
            name = entry.entry.removeprefix("sys_")
            if table.label in _COMPAT_TABLES and not entry.compat and entry.entry.startswith("sys_"):
                definition = tree.compats.get(name)
                if definition and "COMPAT" in definition.macro and not definition.file.startswith("arch/"):
                    yield Hit(
                        ERROR if subject.is_new(name) else "legacy",
                        entry.file,
                        entry.line,
                        entry.name,
                        f"{table.label}: {name} has a compat definition, but no compat entry point here",
                        f"add compat_sys_{name} to the row",
                    )


def _is_in_architecture(subject: Subject, table: Table, symbol: str) -> bool:
    """Whether any code or header of the table's architecture (of all, for the generic table) names a symbol."""
    if table.file.startswith("arch/") and table.label != "arm64-64":  # that one is the generic table by another name
        arch = table.file.split("/")[1]
        return symbol in _names(subject, arch) or _is_wrapped(subject, arch, symbol)
    return any(
        symbol in _names(subject, arch) for arch in sorted({path.split("/")[1] for path in _arch_paths(subject)})
    )


def _arch_paths(subject: Subject) -> list[str]:
    return [path for path in subject.tree.code_paths if path.startswith("arch/")]


def _names(subject: Subject, arch: str) -> set[str]:
    """The names with sys_ in the code and the headers of an architecture; kept."""
    kept = subject.architecture_names.get(arch)
    if kept is None:
        prefix = f"arch/{arch}/"
        paths = [path for path in subject.tree.code_paths if path.startswith(prefix) and not path.endswith(".tbl")]
        paths += list(subject.tree.files.walk(f"arch/{arch}/include/asm", (".h",)))
        kept = set()
        for path in paths:
            content = subject.tree.files.read(path) or b""
            if b"sys_" in content:
                kept |= {match.decode() for match in re.findall(rb"\b\w*sys_\w+", content)}
        # mips, arc and others make wrappers by macros: save_static_function(sys_fork), ENTRY(sys_clone_wrapper)
        kept |= {name.removeprefix("__") for name in kept}
        subject.architecture_names[arch] = kept
    return kept


def _is_wrapped(subject: Subject, arch: str, symbol: str) -> bool:
    """Whether an assembler macro of the architecture makes a symbol: sys_, its parameter, _wrapper."""
    if not symbol.endswith("_wrapper"):
        return False
    prefix = f"arch/{arch}/"
    return any(
        b"\\()_wrapper" in (subject.tree.files.read(path) or b"")
        for path in subject.tree.code_paths
        if path.startswith(prefix) and path.endswith(".S")
    )


def check_prototypes(subject: Subject) -> Iterator[Hit]:
    """Prototypes that do not say what the definition says, and new calls that have none."""
    by_symbol = {prototype.symbol: prototype for prototype in subject.tree.prototypes}
    for name, definition in subject.calls.items():
        if definition.declared is not None and definition.declared != len(definition.arguments):
            yield Hit(
                ERROR,
                definition.file,
                definition.line,
                name,
                f"{name}: {definition.macro} with {len(definition.arguments)} arguments",
                "let the macro's number be that of the arguments",
            )
        prototype = by_symbol.get(f"sys_{name}")
        if prototype is None:
            if name in subject.new_calls and not definition.file.startswith("arch/"):
                yield Hit(
                    WARNING,
                    definition.file,
                    definition.line,
                    name,
                    f"{name}: include/linux/syscalls.h has no prototype of sys_{name}",
                    f"declare asmlinkage long sys_{name}(...) there",
                )
        elif name in subject.new_calls and not _agree(prototype.arguments, definition.arguments):
            yield Hit(
                ERROR,
                prototype.file,
                prototype.line,
                name,
                f"{name}: the prototype's types are not those of {definition.file}:{definition.line}",
                "write the types of the SYSCALL_DEFINE",
            )


def _agree(first: tuple[Argument, ...], second: tuple[Argument, ...]) -> bool:
    return [_plain(argument.ctype) for argument in first] == [_plain(argument.ctype) for argument in second]


def _plain(ctype: str) -> str:
    """A type without what makes no other type of an argument: __user, spaces, and const of the argument itself."""
    text = re.sub(r"\b__user\b", "", ctype)
    text = re.sub(r"\bconst\s*$", "", text.strip())
    if "*" not in text:
        text = re.sub(r"\bconst\b", "", text)
    text = re.sub(r"\s*\*\s*", "*", re.sub(r"\s+", " ", text)).strip()
    return _UNSIGNED.get(text, text)


def check_conditions(subject: Subject) -> Iterator[Hit]:
    """New calls whose file is built by configuration, without COND_SYSCALL."""
    conditional = {condition.name for condition in subject.tree.conditions}
    for name, definition in subject.new_calls.items():
        if name in conditional or definition.file.startswith("arch/"):
            continue
        symbol = _builds_when(subject, definition.file)
        if symbol:
            yield Hit(
                ERROR,
                definition.file,
                definition.line,
                name,
                f"{name}: {definition.file} needs {symbol}, but kernel/sys_ni.c has no COND_SYSCALL({name})",
                f"add COND_SYSCALL({name}); to kernel/sys_ni.c",
            )


def _builds_when(subject: Subject, file: str) -> str:
    """The configuration symbol that a file's Makefile wants for it; empty where it is always built."""
    folder, _, base = file.rpartition("/")
    name = base.removesuffix(".c") + ".o"
    text = decode(subject.tree.files.read(f"{folder}/Makefile") or b"").replace("\\\n", " ")
    symbol = ""
    for line in text.split("\n"):
        left, _, right = line.partition("=")
        if name in right.split():
            match = re.search(r"\$\((CONFIG_\w+)\)", left)
            if not match:
                return ""
            symbol = match.group(1)
    return symbol


def check_copies(subject: Subject) -> Iterator[Hit]:
    """The copies of tables below tools/ that lack calls or give other numbers: one finding for each file."""
    by_file = {table.file: table for table in subject.tree.tables}
    for copy, original in _COPIES.items():
        content = subject.tree.files.read(copy)
        table = by_file.get(original)
        if content is None or table is None:
            continue
        text = decode(content)
        entries = read_unistd(text, copy) if copy.endswith(".h") else read_tbl(text, copy)
        there: dict[str, set[int]] = {}
        for entry in entries:
            there.setdefault(entry.name, set()).add(entry.number)
        missing = list(dict.fromkeys(entry.name for entry in table.entries if entry.name not in there))
        other = [entry.name for entry in table.entries if entry.number not in there.get(entry.name, {entry.number})]
        for names, what in ((missing, "lacks"), (other, "gives another number to")):
            if names:
                listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
                yield Hit(
                    WARNING,
                    copy,
                    max((entry.line for entry in entries), default=1),
                    names[-1],
                    f"{copy} {what} {listed}",
                    f"copy {original} over it",
                )

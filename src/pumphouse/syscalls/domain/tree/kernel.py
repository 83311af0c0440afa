# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A kernel tree, read: its tables, definitions, prototypes and conditions, and on demand its functions and headers.

Only files that can matter are opened, and only those that hold the word SYSCALL are scanned: drivers/ has two, known by
name here; sound, tools, samples and Documentation have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.tree.ctext import blank, decode
from pumphouse.syscalls.domain.tree.definitions import find_conditions, find_definitions, find_prototypes
from pumphouse.syscalls.domain.tree.files import Files, FolderFiles
from pumphouse.syscalls.domain.tree.headers import Headers
from pumphouse.syscalls.domain.tree.records import Condition, Definition, Prototype, Table
from pumphouse.syscalls.domain.tree.sources import Sources
from pumphouse.syscalls.domain.tree.tables import find_tables

CODE_FOLDERS = ("block", "fs", "init", "io_uring", "ipc", "kernel", "lib", "mm", "net", "security", "virt")
DRIVER_FILES = ("drivers/char/random.c", "drivers/pci/syscall.c")
PROTOTYPE_FILES = ("include/linux/syscalls.h", "include/linux/compat.h")
CONDITION_FILE = "kernel/sys_ni.c"
_MARK = b"SYSCALL"
_COPIER = b"copy_struct_"

Progress = Callable[[str, float], None]


class KernelTree:
    """What a tree says about its system calls. Made by `read_tree`."""

    def __init__(self, files: Files, version: str) -> None:
        self.files = files
        self.version = version
        self.tables: tuple[Table, ...] = ()
        self.definitions: tuple[Definition, ...] = ()
        self.prototypes: tuple[Prototype, ...] = ()
        self.conditions: tuple[Condition, ...] = ()
        self.code_paths: tuple[str, ...] = ()
        self.sources = Sources(files)
        self.headers = Headers(files)
        self.copier_paths: tuple[str, ...] = ()  # files that name a struct copier
        self.extensibles: Any = None
        self.versions: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.bodies: dict[tuple[str, int], str] = {}  # functions as they are followed, by file and place
        self.steps: dict[tuple[str, int], Any] = {}
        self.traces: dict[str, tuple[Any, ...]] = {}  # of flow.Event, by call; kept because tracing is what costs

    @cached_property
    def natives(self) -> dict[str, Definition]:
        """The native definition of each call by its name: the common one rather than an architecture's."""
        return _choose(self.definitions, "native")

    @cached_property
    def compats(self) -> dict[str, Definition]:
        """The compat definition of each call by its name, as `natives`."""
        return _choose(self.definitions, "compat")

    @cached_property
    def numbers(self) -> dict[str, dict[str, int]]:
        """Numbers of each entry point (without sys_) by table: {"openat2": {"x86-64": 437, "alpha": 547, ...}}."""
        found: dict[str, dict[str, int]] = {}
        for table in self.tables:
            for entry in table.entries:
                for symbol in (entry.entry, entry.compat):
                    if symbol.startswith(("sys_", "compat_sys_")):
                        name = symbol.partition("sys_")[2]
                        found.setdefault(name, {}).setdefault(table.label, entry.number)
        return found


def _choose(definitions: tuple[Definition, ...], kind: str) -> dict[str, Definition]:
    """One definition for a name: the common one, then a stub, then an architecture's; of several heads the last."""
    found: dict[str, Definition] = {}
    for definition in definitions:
        if definition.kind != kind:
            continue
        old = found.get(definition.name)
        is_same_body = old is not None and (old.file, old.body_start) == (definition.file, definition.body_start)
        if old is None or is_same_body or _rank(definition.file) < _rank(old.file):
            found[definition.name] = definition
    return found


def _rank(file: str) -> int:
    if file.startswith("arch/"):
        return 2
    return 1 if re.search(r"stubs?\.c$|nommu\.c$", file) else 0


def read_version(files: Files) -> str:
    """The version in a tree's Makefile. Raises UserError where there is none."""
    content = files.read("Makefile") or b""
    fields: dict[str, str] = {}
    for line in decode(content[:2000]).split("\n"):
        key, equals, value = line.partition("=")
        if equals and key.strip() in ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION"):
            fields.setdefault(key.strip(), value.strip())
    if not fields.get("VERSION"):
        raise UserError(
            "this is not a kernel source tree",
            where="Makefile",
            why="there is no Makefile with VERSION",
            next_step="name the top folder of a tree, or deb:linux-source-6.1",
        )
    numbers = [fields[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if fields.get(key)]
    return ".".join(numbers) + fields.get("EXTRAVERSION", "")


def read_tree(path: Path | Files, *, progress: Progress | None = None) -> KernelTree:
    """Read a tree, without building it and without writing in it.

    `progress` is told what is read and the fraction done. Raises UserError where it is not a kernel tree, or has no
    table and no definition.
    """
    files = FolderFiles(path) if isinstance(path, Path) else path
    tree = KernelTree(files, read_version(files))
    _read_code(tree, progress)
    prototypes: list[Prototype] = []
    for file in PROTOTYPE_FILES:
        if (content := files.read(file)) is not None:
            prototypes += find_prototypes(blank(decode(content)), file)
    tree.prototypes = tuple(prototypes)
    if (content := files.read(CONDITION_FILE)) is not None:
        tree.conditions = tuple(find_conditions(blank(decode(content)), CONDITION_FILE))
    if not tree.tables or not tree.definitions:
        raise UserError(
            "this tree has no system calls",
            where="arch/*/**/syscall*.tbl and SYSCALL_DEFINEn",
            why=f"{len(tree.tables)} tables and {len(tree.definitions)} definitions were found",
            next_step="name a complete kernel source tree",
        )
    return tree


def _read_code(tree: KernelTree, progress: Progress | None) -> None:
    files = tree.files
    arch_paths = tuple(files.walk("arch", (".c", ".tbl", ".S")))
    tree.tables = tuple(find_tables(files, arch_paths))
    paths = [*arch_paths, *DRIVER_FILES]
    for folder in CODE_FOLDERS:
        paths += files.walk(folder, (".c",))
    tree.code_paths = tuple(paths)
    definitions: list[Definition] = []
    copiers: list[str] = []
    for count, file in enumerate(paths):
        if progress and count % 500 == 0:
            progress(f"reading {file}", count / len(paths))
        if not file.endswith(".c"):
            continue
        content = files.read(file)
        if content is not None and _COPIER in content:
            copiers.append(file)
        if content is not None and _MARK in content and b"_DEFINE" in content:
            definitions += find_definitions(tree.sources.text(file), file)
    tree.definitions = tuple(definitions)
    tree.copier_paths = tuple(copiers)

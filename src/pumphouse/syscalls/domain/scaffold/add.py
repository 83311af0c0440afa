# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The series that adds a call: header, code and build; all tables; what it declares; selftest; the copies in tools/."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.scaffold import code, manpage, selftest, wiring
from pumphouse.syscalls.domain.scaffold.draft import Draft
from pumphouse.syscalls.domain.scaffold.mail import Message
from pumphouse.syscalls.domain.scaffold.spec import CallSpec
from pumphouse.syscalls.domain.scaffold.struct import Member, lay_out
from pumphouse.syscalls.domain.scaffold.tables import add_rows, add_tool_rows, next_number
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.kernel import KernelTree

FEATURES = "include/linux/sys_features.h"


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """A series, and what it makes."""

    name: str
    number: int
    size: int  # bytes of the struct
    messages: list[Message]
    manpage: str
    tables: list[str]  # files that give the number
    files: Files  # the tree as it would be


def add_call(spec: CallSpec, tree: KernelTree, *, date: str) -> Scaffold:
    """The series for a tree, which is only read. `date` (2026-11-24) is for the man page. Raises UserError."""
    _refuse_what_is_there(spec, tree)
    members = lay_out(spec.field)
    number = next_number(tree)
    draft = Draft(tree.files)
    _write_code(spec, members, draft)
    rows = dict(add_rows(tree, spec.name, number))
    for path, text in rows.items():
        draft.write(path, text)
    draft.close(
        f"{spec.name}: wire it up on all architectures",
        _wrap(
            f"Give {spec.name}() the number {number} in every table (alpha counts {number + 110}). Its struct and "
            "arguments are the same for 32-bit and 64-bit programs, so that no table needs a compat entry."
        ),
    )
    if draft.read(FEATURES) is not None:
        _declare(spec, members, draft)
    folder = selftest.folder(spec.name)
    draft.write(f"{folder}/Makefile", selftest.write_makefile(spec.name))
    draft.write(f"{folder}/{spec.name}_test.c", selftest.write_selftest(spec, members, number))
    draft.edit("tools/testing/selftests/Makefile", lambda text: selftest.add_target(text, spec.name))
    draft.close(
        f"selftests: {spec.name}: sizes, tails, addresses and every flag",
        _wrap(
            f"Call {spec.name}() with all sizes that matter, tails with and without zeroes, at every alignment and at "
            "a page's end, and with each bit of each word. The test passes on kernels that are older and newer than "
            "it is."
        ),
    )
    for path, text in add_tool_rows(tree.files, spec.name, number):
        draft.write(path, text)
    draft.close(
        f"tools: copy the number of {spec.name}()",
        _wrap("Keep the copies of the tables below tools/ as the tables are now."),
    )
    return Scaffold(
        name=spec.name,
        number=number,
        size=members[-1].end,
        messages=draft.messages,
        manpage=manpage.write_manpage(spec, members, date=date),
        tables=list(rows),
        files=draft.overlaid(),
    )


def _refuse_what_is_there(spec: CallSpec, tree: KernelTree) -> None:
    if spec.name in tree.natives or any(entry.name == spec.name for table in tree.tables for entry in table.entries):
        raise UserError(
            f"the tree has a call {spec.name} already",
            where="name",
            why="names are never used again; a revision of a call counts up (R10)",
            next_step=f"name it {spec.name}2, or grow its struct: pumphouse syscalls extend",
        )
    for path in (spec.file, code.header_path(spec)):
        if tree.files.read(path) is not None:
            raise UserError(
                f"the tree has a {path} already",
                where="file" if path == spec.file else "name",
                why="the call is written into a new file, to be moved by whoever fills it in",
                next_step="name a file that is not there",
            )


def _write_code(spec: CallSpec, members: list[Member], draft: Draft) -> None:
    draft.write(code.header_path(spec), code.write_uapi(spec, members))
    draft.write(spec.file, code.write_source(spec, members))
    folder = spec.file.rpartition("/")[0]
    draft.edit(f"{folder}/Makefile", lambda text: wiring.add_object(text, spec.file, config=spec.config))
    prototype = code.write_prototype(spec)
    draft.edit(wiring.SYSCALLS_H, lambda text: wiring.add_prototype(text, spec.struct, prototype))
    if spec.config:
        draft.edit(wiring.SYS_NI, lambda text: wiring.add_condition(text, spec.name))
        draft.edit(wiring.KCONFIG, lambda text: wiring.add_option(text, spec.config, spec.name, spec.summary))
    draft.close(
        f"{spec.name}: add the system call",
        _wrap(
            f"Add {spec.name}(), to {spec.summary}. What it takes is in a struct that can grow: its size is an "
            "argument, programs and kernels of different ages understand each other by copy_struct_from_user(), and "
            "what a kernel does not know is refused."
        )
        + "\n\n"
        + _wrap("This is the skeleton: it checks what it is given, and does nothing yet."),
    )


def _declare(spec: CallSpec, members: list[Member], draft: Draft) -> None:
    features = code.write_features(spec, members)
    include = "#include <linux/stddef.h>\n"
    head = f"/**\n * sys_{spec.name} - "

    def declare(text: str) -> str:
        text = text.replace(include, f"{include}#include <linux/sys_features.h>\n", 1)
        return text.replace(head, f"{features}\n{head}", 1)

    draft.edit(spec.file, declare)
    if spec.config:
        draft.edit(wiring.SYS_NI, lambda text: wiring.add_condition_features(text, spec.name))
    draft.close(
        f"{spec.name}: declare what it accepts",
        _wrap("Tell sys_features() the size of the struct and the masks that the call validates with."),
    )


def _wrap(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 72))

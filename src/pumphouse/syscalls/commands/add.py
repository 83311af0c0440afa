# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls add`: a new extensible call, as a patch series."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.syscalls.commands.opened import find_folder, shown
from pumphouse.syscalls.commands.written import name_author, read_text, write_out
from pumphouse.syscalls.domain.scaffold.add import add_call
from pumphouse.syscalls.domain.scaffold.mail import write_series
from pumphouse.syscalls.domain.scaffold.spec import parse_spec
from pumphouse.syscalls.domain.tree import read_tree

EXAMPLE = Path(__file__).parents[1] / "data" / "specs" / "example.toml"


def add(
    spec: Annotated[Path | None, Parameter(help="The specification, a TOML file.")] = None,
    *,
    tree: Annotated[str, Parameter(help="The kernel tree: a folder, or deb:PACKAGE. It is only read.")] = "",
    output: Annotated[Path | None, Parameter(help="The folder for the patches and the man page.")] = None,
    example: Annotated[bool, Parameter(negative="", help="Print an example of a specification.")] = False,
    json: JsonOption = False,
) -> int:
    """Make the patches that add an extensible system call to a kernel tree, with its selftest and man page.

    Without --output the series goes to standard output. Nothing is written in the tree.

    Example: pumphouse syscalls add tune_queue.toml --tree deb:linux-source-6.12 --output patches
    """
    if example:
        print_lines(EXAMPLE.read_text(encoding="utf-8").splitlines())
        return 0
    if spec is None or not tree:
        raise UserError(
            "SPEC and --tree are both needed",
            where="SPEC" if spec is None else "--tree",
            next_step="begin with the example: pumphouse syscalls add --example > call.toml",
        )
    wanted = parse_spec(read_text(spec), file=str(spec))
    folder = find_folder(tree)
    with shown("reading") as progress:
        scaffold = add_call(wanted, read_tree(folder, progress=progress), date=f"{datetime.now(UTC):%Y-%m-%d}")
    author, now = name_author()
    series = write_series(scaffold.messages, author=author, date=now)
    files = write_out(output, [*series, (f"{scaffold.name}.2", scaffold.manpage)], quiet=json)
    if json:
        print_json(
            {
                "call": scaffold.name,
                "number": scaffold.number,
                "size": scaffold.size,
                "tables": scaffold.tables,
                "messages": [message.subject for message in scaffold.messages],
                "files": files,
            }
        )
    elif output is not None:
        print_lines(
            [
                f"{scaffold.name}() is number {scaffold.number} in {len(scaffold.tables)} tables.",
                *(f"  {file}" for file in files),
            ]
        )
    else:
        say(f"{len(series)} patches; --output DIR also writes the man page")
    return 0

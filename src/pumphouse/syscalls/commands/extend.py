# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls extend`: another version of a call's struct, as a patch series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.syscalls.commands.opened import find_folder, shown
from pumphouse.syscalls.commands.written import name_author, read_text, write_out
from pumphouse.syscalls.domain.scaffold.extend import extend_call
from pumphouse.syscalls.domain.scaffold.mail import write_series
from pumphouse.syscalls.domain.scaffold.spec import parse_extension
from pumphouse.syscalls.domain.tree import read_tree


def extend(
    spec: Annotated[Path, Parameter(help="The specification: `extends` and the fields, a TOML file.")],
    *,
    tree: Annotated[str, Parameter(help="The kernel tree: a folder, or deb:PACKAGE. It is only read.")],
    output: Annotated[Path | None, Parameter(help="The folder for the patches.")] = None,
    json: JsonOption = False,
) -> int:
    """Make the patches that append fields to the struct of a call, with everything that has to follow.

    Example: pumphouse syscalls extend more.toml --tree ~/linux --output patches
    """
    wanted = parse_extension(read_text(spec), file=str(spec))
    folder = find_folder(tree)
    with shown("reading") as progress:
        extension = extend_call(wanted, read_tree(folder, progress=progress))
    author, now = name_author()
    series = write_series(extension.messages, author=author, date=now)
    files = write_out(output, series, quiet=json)
    if json:
        print_json(
            {
                "call": extension.name,
                "struct": extension.struct,
                "version": extension.version,
                "size": extension.size,
                "messages": [message.subject for message in extension.messages],
                "files": files,
            }
        )
    elif output is not None:
        print_lines(
            [
                f"struct {extension.struct} has {extension.size} bytes in its version {extension.version}.",
                *(f"  {file}" for file in files),
            ]
        )
    else:
        say(f"{len(series)} patches")
    return 0

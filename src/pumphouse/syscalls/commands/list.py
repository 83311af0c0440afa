# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls list`: the system calls of a tree, from its sources."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.terminal import JsonOption, print_json, print_lines
from pumphouse.syscalls.commands.opened import find_folder, shown
from pumphouse.syscalls.domain.inventory import take_inventory, write_inventory
from pumphouse.syscalls.domain.tree import read_tree


def list_calls(
    tree: str,
    *,
    extensible: Annotated[
        bool, Parameter(negative="", help="Only the calls that take a struct which can grow.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """List the system calls of a kernel tree: numbers by table, arguments, place, and the structs that can grow.

    TREE is the top folder of a kernel source tree, or deb:PACKAGE. Nothing is built and nothing is written.

    Example: pumphouse syscalls list deb:linux-source-6.1 --extensible
    """
    folder = find_folder(tree)
    with shown("reading") as progress:
        inventory = take_inventory(read_tree(folder, progress=progress), progress=progress)
    if json:
        print_json(inventory)
    else:
        print_lines(write_inventory(inventory, only_extensible=extensible))
    return 0

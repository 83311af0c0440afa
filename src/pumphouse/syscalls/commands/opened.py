# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""From a command's TREE to a tree that is read, with progress on stderr."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pumphouse.core.errors import UserError
from pumphouse.lab.tree import open_tree

Told = Callable[[str, float], None]


def find_folder(specification: str) -> Path:
    """The folder of a tree: a path, or deb:PACKAGE, which is downloaded once. Raises UserError, InfraError."""
    if specification.startswith("deb:"):
        return asyncio.run(open_tree(specification)).path
    path = Path(specification)
    if not path.is_dir():
        raise UserError(
            "there is no such folder",
            where=specification,
            why="TREE is the top folder of a kernel source tree, or deb:PACKAGE",
            next_step="name one: deb:linux-source-6.1",
        )
    return path.resolve()


@contextmanager
def shown(what: str) -> Iterator[Told]:
    """Shows how far the work is, on a terminal only; gives the function to tell it with."""
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(what, total=1.0)

        def tell(text: str, fraction: float) -> None:
            bars.update(task, completed=fraction, description=text[:36])

        yield tell

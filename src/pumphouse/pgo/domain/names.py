# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a profile are called: the functions of an instrumented build, with their sources in the tree.

Names travel with a profile, so that it can be read, and used in a tree at another path, where the build is not at hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcno import Gcno


class FunctionName(msgspec.Struct, frozen=True, array_like=True):
    """A function of an object. `source` is relative to the tree where `in_tree`, else as the compiler was given it."""

    ident: int
    name: str
    source: str
    line: int
    in_tree: bool


Names = Mapping[str, Mapping[int, FunctionName]]


def name_functions(notes: Mapping[str, Gcno], source_path: str) -> dict[str, dict[int, FunctionName]]:
    """The names in an instrumented build of the tree at `source_path`: by object, then by ident."""
    inside = tree_prefix(source_path)
    return {
        name: {
            one.ident: FunctionName(
                ident=one.ident,
                name=one.name,
                source=one.source.removeprefix(inside),
                line=one.start_line,
                in_tree=one.source.startswith(inside),
            )
            for one in gcno.functions
        }
        for name, gcno in notes.items()
    }


def find_source_path(notes: Mapping[str, Gcno]) -> str:
    """The absolute path of the tree that a build was compiled from, as most of its objects tell; empty where none does.

    The object kernel/fork is compiled from PATH/kernel/fork.c.
    """
    paths = Counter(
        one.source.removesuffix(f"/{name}.c")
        for name, gcno in notes.items()
        for one in gcno.functions
        if one.source.startswith("/") and one.source.endswith(f"/{name}.c")
    )
    return paths.most_common(1)[0][0] if paths else ""


def tree_prefix(source_path: str) -> str:
    """What stands before the names of a tree's files. Raises UserError unless the path is absolute."""
    if not source_path.startswith("/"):
        raise UserError(
            f"{source_path!r} is no absolute path",
            where="the path of the source tree",
            why="it is a part of the identity of every static function in a profile",
            next_step="name the tree by its whole path, as the build was given it",
        )
    return source_path.rstrip("/") + "/"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles in trees at other paths.

The path of a source file is part of the identity of its static functions, and gcc drops their counters in a tree that
lies elsewhere. Since it is known how gcc computes identities, they are computed anew for the new path, without a build.
"""

from __future__ import annotations

import msgspec

from pumphouse.pgo.domain.gcc_ident import lineno_checksum, public_ident, static_ident
from pumphouse.pgo.domain.gcda import FunctionCounts, Gcda
from pumphouse.pgo.domain.names import FunctionName, Names, tree_prefix
from pumphouse.pgo.domain.profile import Profile


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A function that could not be followed to the new path. Its counters stay under the old identity."""

    object: str
    ident: int
    name: str
    count: int
    why: str


class Remapped(msgspec.Struct, frozen=True, kw_only=True):
    """A profile for the new path. `moved` functions have a new identity, `kept` ones need none."""

    profile: dict[str, Gcda]
    names: dict[str, dict[int, FunctionName]]
    moved: int
    kept: int
    lost: list[Lost]


def remap(profile: Profile, names: Names, *, old_path: str, new_path: str) -> Remapped:
    """The profile of a tree at `old_path` for the same tree at `new_path`, both absolute; `names` are of the old one.

    Raises UserError for paths that are not absolute.
    """
    mapping = _Mapping(names, tree_prefix(old_path), tree_prefix(new_path))
    files = {name: mapping.map_file(name, gcda) for name, gcda in profile.items()}
    return Remapped(profile=files, names=mapping.renamed, moved=mapping.moved, kept=mapping.kept, lost=mapping.lost)


class _Mapping:
    def __init__(self, names: Names, old: str, new: str) -> None:
        self._names = names
        self._old = old
        self._new = new
        self.renamed: dict[str, dict[int, FunctionName]] = {}
        self.moved = 0
        self.kept = 0
        self.lost: list[Lost] = []

    def map_file(self, name: str, gcda: Gcda) -> Gcda:
        known = self._names.get(name, {})
        taken = set[int]()
        functions = []
        for function in gcda.functions:
            mapped = self._map_function(name, function, known.get(function.ident)) if function.ident else function
            if mapped.ident in taken:
                self._lose(name, function, known.get(function.ident), "its new ident is taken")
                mapped = function
            if mapped.ident:
                taken.add(mapped.ident)
            functions.append(mapped)
            if told := known.get(function.ident):
                renamed = msgspec.structs.replace(told, ident=mapped.ident)
                self.renamed.setdefault(name, {})[mapped.ident] = renamed
        return msgspec.structs.replace(gcda, functions=tuple(functions))

    def _map_function(self, name: str, function: FunctionCounts, told: FunctionName | None) -> FunctionCounts:
        if told is None:
            return self._lose(name, function, told, "its name is not known")
        if not told.in_tree:
            self.kept += 1
            return function
        lines = lineno_checksum(told.name, self._new + told.source, told.line)
        if function.ident == public_ident(told.name):
            self.kept += 1
            return msgspec.structs.replace(function, lineno_checksum=lines)
        if function.ident != static_ident(told.name, self._old + told.source, name):
            return self._lose(name, function, told, "its ident is not computed as that of C functions is")
        self.moved += 1
        ident = static_ident(told.name, self._new + told.source, name)
        return msgspec.structs.replace(function, ident=ident, lineno_checksum=lines)

    def _lose(self, name: str, function: FunctionCounts, told: FunctionName | None, why: str) -> FunctionCounts:
        label = told.name if told else ""
        self.lost.append(Lost(object=name, ident=function.ident, name=label, count=sum(function.arcs), why=why))
        return function

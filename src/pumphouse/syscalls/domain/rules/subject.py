# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the rules look at: a tree, with its calls sorted by age, their events, words and structs."""

from __future__ import annotations

from functools import cached_property

from pumphouse.syscalls.domain.btf import Btf
from pumphouse.syscalls.domain.extensible import NEW_ERA, Extensible, find_extensibles, find_sites
from pumphouse.syscalls.domain.flow import Event, tag_of
from pumphouse.syscalls.domain.masks import Word, trace_call, words_of
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.records import Definition

ALPHA_OFFSET = 110  # since 5.0 new numbers of alpha are those of the others and this


class Subject:
    """A tree as the rules see it. `btf` is that of a vmlinux of this tree, where one was given."""

    def __init__(self, tree: KernelTree, btf: Btf | None = None) -> None:
        self.tree = tree
        self.btf = btf
        self.architecture_names: dict[str, set[str]] = {}
        self._words: dict[str, dict[str, Word]] = {}

    @cached_property
    def calls(self) -> dict[str, Definition]:
        """The native definitions that a table leads to, by name."""
        return {name: definition for name, definition in self.tree.natives.items() if name in self.tree.numbers}

    def is_new(self, name: str) -> bool:
        """Whether a call came after numbers became the same everywhere (424), so that the conventions bind it."""
        numbers = [number for label, number in self.tree.numbers.get(name, {}).items() if label != "alpha"]
        return bool(numbers) and min(numbers) >= NEW_ERA

    @cached_property
    def new_calls(self) -> dict[str, Definition]:
        """The calls that the conventions bind."""
        return {name: definition for name, definition in self.calls.items() if self.is_new(name)}

    def severity(self, name: str, severity: str) -> str:
        """The severity for a new call, legacy for an old one: its behaviour cannot be changed any more."""
        return severity if self.is_new(name) else "legacy"

    def events(self, name: str) -> list[Event]:
        """The events of a call."""
        return trace_call(self.tree, self.tree.natives[name])

    def words(self, name: str) -> dict[str, Word]:
        """The words of a call of which the code says something."""
        if name not in self._words:
            self._words[name] = words_of(self.tree, self.events(name))
        return self._words[name]

    @cached_property
    def structs(self) -> tuple[tuple[bool, Extensible], ...]:
        """All structs that can grow, each with whether the conventions bind it: of calls, then below ioctls."""
        extensibles = find_extensibles(self.tree)
        of_calls = [(self.is_new(name), item) for name, items in extensibles.items() for item in items]
        return (*of_calls, *((True, item) for item in find_sites(self.tree)))

    @cached_property
    def old_tags(self) -> frozenset[str]:
        """The structs that old calls take: a new call that takes one cannot choose its layout."""
        return frozenset(
            tag_of(argument.ctype)
            for name, definition in self.tree.natives.items()
            if not self.is_new(name)
            for argument in definition.arguments
        )

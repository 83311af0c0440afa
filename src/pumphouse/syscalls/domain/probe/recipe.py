# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe language as it stands in the TOML files: docs/syscalls/recipes.md describes it for those who write one."""

from __future__ import annotations

import msgspec

Settings = dict[str, int | str]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a recipe: a key that is not known is an error."""


class Numbers(_Table, frozen=True):
    """A number that differs between x86-64 and the generic table."""

    x86_64: int
    generic: int


class Holds(_Table, frozen=True):
    """Where the recipe's assumption on the kernel's order of checks was seen to hold."""

    source: str
    checked: list[str]


class StructTable(_Table, frozen=True):
    """The request: its fields as "offset:width", its first size, and how far the recipe knows it."""

    name: str
    first: int
    known: int
    fields: dict[str, str] = {}
    versions: dict[str, int] = {}


class PresenceTable(_Table, frozen=True):
    """A trial that every kernel that has the call refuses."""

    set: Settings = {}
    rights: list[str] = []


class SizeTable(_Table, frozen=True):
    """How the size is found: fixed, bisect, or written_back."""

    how: str
    set: Settings = {}
    step: int = 8
    read: str = ""
    rights: list[str] = []


class AskTable(_Table, frozen=True):
    """A question to the kernel: `arguments` as in a recipe, `read` as "result" or "out:offset:width"."""

    source: str = ""
    number: int | Numbers | None = None
    arguments: list[str] = []
    set: Settings = {}
    read: str = "result"
    close: bool = False
    partial: bool = False


class WithTable(_Table, frozen=True):
    """Companions of flags."""

    flags: list[str | int]
    value: list[str | int] = []
    set: Settings = {}
    needs: list[str] = []


class WordTable(_Table, frozen=True):
    """A flag word."""

    name: str
    bits: int = 0
    base: int = 0
    set: Settings = {}
    accepted: list[str] = []
    refused: list[str] = msgspec.field(default_factory=lambda: ["EINVAL"])
    closes: bool = False
    valid: int = 0
    invalid: int = 0
    skip: int = 0
    undecided: int = 0
    pairs: bool = False
    flags: dict[str, int] = {}
    values: dict[str, int] = {}
    companions: list[WithTable] = msgspec.field(default_factory=list, name="with")
    ask: list[AskTable] = []


class FactTable(_Table, frozen=True):
    """A number that the kernel tells."""

    name: str
    ask: AskTable


class RecipeTable(_Table, frozen=True):
    """A whole recipe."""

    call: str
    since: str
    number: int | Numbers
    arguments: list[str]
    holds: Holds
    config: str = ""
    unprivileged: bool = False
    poison: list[str] = []
    struct: StructTable | None = None
    prepare: AskTable | None = None
    presence: PresenceTable = PresenceTable()
    size: SizeTable | None = None
    word: list[WordTable] = []
    fact: list[FactTable] = []

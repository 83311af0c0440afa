# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The calls that sys_features() may speak of, with names for their words and flags: data/features/<call>.toml."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.features.answer import Kind, Record

FOLDER = Path(__file__).parents[2] / "data" / "features"


class Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word of flags: `id` is an argument's name, or struct_tag.field."""

    id: str
    kind: Literal["arg", "field", "known"]
    arg: int
    width: Literal[1, 2, 4, 8]
    offset: int = 0
    symbols: bool = False  # the flags' values are x86-64's; C has to take them by their names
    flags: dict[str, int] = {}

    @property
    def code(self) -> Kind:
        """The kind by which a record has it."""
        return Kind[self.kind.upper()]

    def describes(self, record: Record) -> bool:
        """Whether a record is of this word."""
        return (record.kind, record.arg, record.offset) == (self.code, self.arg, self.offset)

    def names(self, mask: int) -> tuple[list[str], int]:
        """The flags that are in a mask, and the bits of it that have no name here."""
        found = [name for name, value in self.flags.items() if value & mask == value]
        named = 0
        for name in found:
            named |= self.flags[name]
        return found, mask & ~named


class Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call. `number` is None for one that is older than common numbers (its header names it)."""

    header: str  # of the flags' names, below include/uapi
    number: int | None = None
    sizes: list[int] = []  # bytes, by version
    word: list[Word] = []
    name: str = ""


def parse_call(text: str, *, name: str) -> Described:
    """A call from TOML. Raises UserError with the key that is wrong."""
    try:
        call = msgspec.toml.decode(text, type=Described)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UserError(
            f"the description of {name} cannot be read",
            where=f"{name}.toml",
            why=str(error),
            next_step="write it like the others in data/features",
        ) from error
    return msgspec.structs.replace(call, name=name)


def read_catalogue(folder: Path = FOLDER) -> dict[str, Described]:
    """All calls by name."""
    return {
        path.stem: parse_call(path.read_text(encoding="utf-8"), name=path.stem)
        for path in sorted(folder.glob("*.toml"))
    }


def find_call(catalogue: dict[str, Described], name: str) -> Described:
    """A call by name. Raises UserError that lists those there are."""
    if name not in catalogue:
        raise UserError(
            f"nothing is known of {name!r}", why="sys_features() is not asked of it", next_step=_choose(catalogue)
        )
    return catalogue[name]


def _choose(names: Iterable[str]) -> str:
    return f"name one of: {', '.join(sorted(names))}"

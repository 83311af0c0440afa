# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a system call by release: its struct's sizes and the named bits of its flag words.

Each file of data/calls has the shape of `Call`. What the update command reads from headers (`seen`, `absent`) stands
beside what documentation says (`document`), so that every date tells where it comes from.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.tree.records import Constant

Precision = Literal["exact", "at latest"]


class Appearance(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When something came: `seen` is the earliest tag whose headers have it, `absent` the last before without it.

    `since` is a release ("5.12"); `document` names the text that says so, where the headers that were read do not.
    """

    since: str = ""
    seen: str = ""
    absent: str = ""
    document: str = ""

    @property
    def precision(self) -> Precision:
        """Exact where the release before did not have it, or a document says so; else "at latest"."""
        return "exact" if self.document or self._is_bracketed() else "at latest"

    def _is_bracketed(self) -> bool:
        if not self.seen or not self.absent:
            return False
        seen, absent = read_tag(self.seen), read_tag(self.absent)
        return seen.release == absent.release or (seen.major, seen.minor) == _next(absent.major, absent.minor)


def _next(major: int, minor: int) -> tuple[int, int]:
    """The release after one; majors end where Linus Torvalds ended them (3.19, 4.20, 5.19, 6.19)."""
    return (major + 1, 0) if (major, minor) in {(3, 19), (4, 20), (5, 19), (6, 19)} else (major, minor + 1)


class Flag(Appearance, kw_only=True, omit_defaults=True):
    """A named bit or value of a word."""

    value: int = 0

    @property
    def is_single_bit(self) -> bool:
        """Whether it is one bit, not a mask of several and not zero."""
        return self.value > 0 and self.value & (self.value - 1) == 0


class Word(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A flag word: an argument ("flags") or a field ("open_how.resolve").

    `constants` are names, patterns ("RESOLVE_*") or "enum TAG", of which `but` takes away; `kind` "values" is for words
    that hold one of several numbers, whose bits mean nothing by themselves.
    """

    id: str
    kind: Literal["bits", "values"] = "bits"
    since: str = ""  # where the word came later than the call
    constants: list[str] = []
    but: list[str] = []
    note: str = ""
    flags: dict[str, Flag] = {}

    def covers(self, name: str, constant: Constant) -> bool:
        """Whether a constant of a header belongs to this word."""
        if any(fnmatchcase(name, pattern) for pattern in self.but):
            return False
        return any(
            constant.enum == pattern.removeprefix("enum ")
            if pattern.startswith("enum ")
            else fnmatchcase(name, pattern)
            for pattern in self.constants
        )


class Size(Appearance, kw_only=True, omit_defaults=True):
    """A size of the struct in bytes, with the macro that names it, where one does."""

    bytes: int
    macro: str = ""


class Extensible(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The struct of a call that can grow; `via` tells how its size reaches the kernel."""

    tag: str
    via: str
    kind: Literal["struct", "union"] = "struct"
    macros: str = ""  # pattern of the macros that name sizes: OPEN_HOW_SIZE_VER*
    note: str = ""
    sizes: list[Size] = []


class Call(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A system call: since when, what says so, which headers define its constants, its struct, its words."""

    name: str
    since: str
    evidence: str
    headers: list[str]
    note: str = ""
    struct: Extensible | None = None
    word: list[Word] = []

    def find_word(self, word_id: str) -> Word | None:
        """The word with an id."""
        return next((word for word in self.word if word.id == word_id), None)

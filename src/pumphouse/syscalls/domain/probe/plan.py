# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A plan: a recipe resolved to slots and numbers. The engine and the C header's interpreter run the same plans.

A *trial* is one system call: the plan's base assignments, then those of the question, then the word's value. Its answer
is the result, or the negative errno.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

REQUEST = 6  # the slot of an assignment that goes into the request buffer; 0 to 5 are the call's arguments
PAGE = 4096
REQUEST_BYTES = 2 * PAGE
OUT_BYTES = PAGE
NO_FD = 0x7FFF_FFF0  # above every limit that the kernel lets a process have (fs.nr_open is at most 0x7fffffc0)


class Kind(enum.IntEnum):
    """What the value of an assignment is."""

    NUMBER = 0
    BAD_POINTER = 1  # a page that nobody can read or write
    REQUEST = 2  # the request buffer: two pages, zero where the trial does not say otherwise
    OUT = 3  # a page that the kernel may write
    EMPTY = 4  # a page of zeros: the empty string, a time of zero, an empty set
    SIZE = 5  # the size of the struct in this trial
    SELF = 6  # the probing process
    KEPT = 7  # what the preparing call returned or wrote
    ONES = 8  # an array of 32-bit ones


@dataclass(frozen=True, kw_only=True)
class Assign:
    """A value for an argument (`slot` 0 to 5) or for `width` bytes at `offset` of the request buffer."""

    slot: int
    kind: Kind = Kind.NUMBER
    number: int = 0
    offset: int = 0
    width: int = 8


class Where(enum.IntEnum):
    """Where the answer to a question stands."""

    RESULT = 0
    REQUEST = 1
    OUT = 2
    AUXV = 3  # no call at all: the auxiliary vector; `offset` is the type of the entry


@dataclass(frozen=True, kw_only=True)
class Read:
    """A number of `width` bytes at `offset` of what came back."""

    where: Where
    offset: int = 0
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Number:
    """A system call's number: `x86_64`, or that of the generic table (arm64, riscv64)."""

    x86_64: int
    generic: int

    def on(self, machine: str) -> int:
        """The number on a machine (`uname -m`)."""
        return self.x86_64 if machine == "x86_64" else self.generic


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question that the kernel answers itself: a call, and where its answer stands."""

    source: str
    read: Read
    number: Number
    sets: tuple[Assign, ...] = ()
    partial: bool = False  # the answer does not list all that the kernel knows


class SizeHow(enum.IntEnum):
    """How the size of the struct is found."""

    NONE = 0  # the call takes no struct, or one whose size nobody can learn
    FIXED = 1  # the struct cannot grow
    BISECT = 2  # a byte that is not zero is refused by E2BIG only beyond what the kernel knows
    WRITTEN_BACK = 3  # with E2BIG the kernel writes its size into the struct


@dataclass(frozen=True, kw_only=True)
class SizePlan:
    """How the size is found; `read` is where it is written back."""

    how: SizeHow = SizeHow.NONE
    sets: tuple[Assign, ...] = ()
    step: int = 8
    read: Read = Read(where=Where.REQUEST)
    rights: tuple[int, ...] = ()  # errnos that mean refused by rights


@dataclass(frozen=True, kw_only=True)
class With:
    """Companions: each of `bits` is tried with `value` in place of the word's base, and with `sets`."""

    bits: int
    value: int
    sets: tuple[Assign, ...] = ()
    needs: tuple[str, ...] = ()  # in words, for the report


@dataclass(frozen=True, kw_only=True)
class WordPlan:
    """One flag word. `target.number` is the base value, to which each bit is added."""

    name: str
    target: Assign | None
    bits: int  # how many
    end: int = 0  # bytes of the struct that must be known for the word to be there
    sets: tuple[Assign, ...] = ()
    accepted: tuple[int, ...] = ()  # errnos; 0 is success
    refused: tuple[int, ...] = ()
    closes: bool = False  # success gives a descriptor, which is closed at once
    good: int = 0  # the controls
    bad: int = 0
    skip: int = 0  # bits that are not flags: an enumeration inside of the word
    undecided: int = 0  # bits whose refusal proves nothing
    pairs: bool = False  # a refused bit is tried again with each valid one
    companions: tuple[With, ...] = ()
    values: tuple[int, ...] = ()  # not a bitmap: bit i of the answer is values[i]
    asks: tuple[Ask, ...] = ()  # in turn, until one gives a mask
    names: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class FactPlan:
    """A number that the kernel tells: an ABI version, a count."""

    name: str
    ask: Ask


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """Everything that is asked of one call."""

    name: str
    number: Number
    since: tuple[int, int]
    optional: bool  # a configuration symbol can leave the call out
    base: tuple[Assign, ...]
    first: int = 0  # the size of the struct's first version; 0: no struct
    known: int = 0  # how far the recipe's fields go
    versions: tuple[tuple[int, str], ...] = ()
    unprivileged: bool = False  # capabilities are lowered for the trials
    prepare: Ask | None = None
    prepare_closes: bool = False
    presence: tuple[Assign, ...] = ()
    presence_rights: tuple[int, ...] = ()
    size: SizePlan = field(default_factory=SizePlan)
    words: tuple[WordPlan, ...] = ()
    facts: tuple[FactPlan, ...] = ()

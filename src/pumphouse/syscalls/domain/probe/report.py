# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a probe answers. `Report.to_data` is the shape of `--json`, which the C program prints too."""

from __future__ import annotations

import enum
from typing import Any

import msgspec


class Presence(enum.StrEnum):
    """Whether the process can use a call."""

    PRESENT = "present"
    MISSING = "missing"
    SECCOMP = "refused by seccomp"
    RIGHTS = "refused by rights"
    UNDECIDED = "not decided"


class State(enum.StrEnum):
    """Whether a word was answered."""

    ANSWERED = "answered"
    ABSENT = "absent"  # the kernel's struct ends before it
    UNKNOWN = "unknown"


class Companion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A flag that is only accepted together with others: the bit, and what it was tried with."""

    bit: int
    needs: tuple[str, ...]


class WordReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One flag word. A bit of no mask below was refused in every way that the recipe knows.

    `valid` holds the bits that were accepted alone, `valid_with` those that need companions. In an enumeration bit i
    stands for the recipe's value i. `how` names the kernel's own answer, or the answers to the controls.
    """

    name: str
    state: State
    how: str
    valid: int = 0
    valid_with: tuple[Companion, ...] = ()
    undecided: int = 0
    names: tuple[tuple[int, str], ...] = ()
    enumeration: bool = False

    @property
    def mask(self) -> int:
        """Every bit that is accepted, alone or with companions."""
        mask = self.valid
        for companion in self.valid_with:
            mask |= companion.bit
        return mask

    def name_bits(self, mask: int) -> list[str]:
        """The names of the bits of a mask; a bit without a name is written as a number."""
        known = dict(self.names)
        return [known.get(1 << i, hex(1 << i)) for i in range(64) if mask >> i & 1]


class FactReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A number that the kernel told, and which of its interfaces told it."""

    name: str
    value: int
    how: str


class CallReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call. `how` is the errno, "result", "killed" or "no answer" that told its presence.

    `size` is 0 where it is not known; `size_how` then says why, else how it was found.
    """

    name: str
    presence: Presence
    how: str
    size: int = 0
    size_how: str = ""
    size_name: str = ""
    words: tuple[WordReport, ...] = ()
    facts: tuple[FactReport, ...] = ()

    def word(self, name: str) -> WordReport:
        """A word by its id. Raises KeyError."""
        return next((word for word in self.words if word.name == name), None) or _lost(name)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of one kernel to one process."""

    release: str
    version: str
    machine: str
    elapsed_ms: float  # that the probing took, also where the report comes from the cache
    cached: bool
    calls: tuple[CallReport, ...]

    def call(self, name: str) -> CallReport:
        """A call by its name. Raises KeyError."""
        return next((call for call in self.calls if call.name == name), None) or _lost(name)

    @property
    def answered_words(self) -> int:
        """How many flag words were answered."""
        return sum(word.state is State.ANSWERED for call in self.calls for word in call.words)

    def to_data(self) -> dict[str, Any]:
        """The JSON shape. Masks are hexadecimal strings, because 64 bits do not fit into a JavaScript number."""
        return {
            "release": self.release,
            "machine": self.machine,
            "cached": self.cached,
            "elapsed_ms": self.elapsed_ms,
            "calls": [_call_data(call) for call in self.calls],
        }


def _lost(name: str) -> Any:
    raise KeyError(name)


def _call_data(call: CallReport) -> dict[str, Any]:
    return {
        "name": call.name,
        "presence": call.presence.value,
        "how": call.how,
        "size": call.size,
        "size_how": call.size_how,
        "size_name": call.size_name,
        "words": [_word_data(word) for word in call.words],
        "facts": [{"name": fact.name, "value": fact.value, "how": fact.how} for fact in call.facts],
    }


def _word_data(word: WordReport) -> dict[str, Any]:
    return {
        "name": word.name,
        "state": word.state.value,
        "how": word.how,
        "enumeration": word.enumeration,
        "mask": hex(word.mask),
        "valid": hex(word.valid),
        "valid_with": [{"bit": hex(one.bit), "needs": list(one.needs)} for one in word.valid_with],
        "undecided": hex(word.undecided),
        "names": word.name_bits(word.mask),
    }

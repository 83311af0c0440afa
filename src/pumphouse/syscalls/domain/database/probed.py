# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a probe saw on a kernel, held beside what mainline had in the release that the kernel is based on.

The probe is the witness: the database explains its answer, and never corrects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.database.backport import Difference
from pumphouse.syscalls.domain.database.call import Call, Flag, Word
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import has_it

# On the kernel and in the release; only on one side; on neither; the probe could not tell.
Mark = Literal["both", "kernel only", "mainline only", "neither", "unknown"]

PRESENT = "present"
MISSING = "missing"


class ProbedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A flag word in the JSON of a probe; masks are hexadecimal text."""

    name: str
    state: str = "answered"
    mask: str = "0x0"
    undecided: str = "0x0"
    enumeration: bool = False
    names: list[str] = []


class ProbedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in the JSON of a probe; `size` is 0 where it is not known."""

    name: str
    presence: str
    how: str = ""
    size: int = 0
    size_how: str = ""
    words: list[ProbedWord] = []


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of `pumphouse syscalls probe --json`, as far as it is read here."""

    release: str
    machine: str = ""
    elapsed_ms: float = 0.0
    calls: list[ProbedCall] = []

    def find(self, call: str) -> ProbedCall | None:
        """What was seen of a call."""
        return next((item for item in self.calls if item.name == call), None)


def read_probed(content: bytes | str, *, where: str) -> Probed:
    """A probe's JSON. Raises UserError where it is none."""
    try:
        probed = msgspec.json.decode(content, type=Probed)
        read_tag(probed.release)
        for call in probed.calls:
            for word in call.words:
                _mask(word.mask), _mask(word.undecided)
    except (msgspec.DecodeError, UserError, ValueError) as error:
        raise UserError(
            "this is not the JSON of a probe",
            where=where,
            why=str(error).splitlines()[0],
            next_step="make it on the kernel in question: pumphouse syscalls probe --json > probe.json",
        ) from error
    return probed


def mark_flag(flag: Flag, word: Word, call: Call, probed: Probed) -> Mark:
    """How a flag stands on the probed kernel and in the mainline release that it is based on."""
    seen = probed.find(call.name)
    found = next((item for item in seen.words if item.name == word.id), None) if seen else None
    if seen is None or (seen.presence == PRESENT and (found is None or found.state == "unknown")):
        return "unknown"
    if seen.presence not in {PRESENT, MISSING}:
        return "unknown"
    if found is not None and word.kind == "values" and not found.enumeration:
        return "unknown"
    on_kernel = found is not None and seen.presence == PRESENT and _accepts(found, flag, word)
    if found is not None and not on_kernel and flag.value & _mask(found.undecided):
        return "unknown"
    return _mark(on_kernel=on_kernel, in_release=has_it(flag.since, read_tag(probed.release).release))


def mark_size(size: int, since: str, call: Call, probed: Probed) -> Mark:
    """How a size stands: the kernel has it where its own struct is at least so large."""
    seen = probed.find(call.name)
    if seen is None or seen.presence not in {PRESENT, MISSING} or (seen.presence == PRESENT and not seen.size):
        return "unknown"
    return _mark(on_kernel=seen.size >= size, in_release=has_it(since, read_tag(probed.release).release))


def mark_call(call: Call, probed: Probed) -> Mark:
    """How a call stands."""
    seen = probed.find(call.name)
    if seen is None or seen.presence not in {PRESENT, MISSING}:
        return "unknown"
    return _mark(on_kernel=seen.presence == PRESENT, in_release=has_it(call.since, read_tag(probed.release).release))


def find_differences(calls: Mapping[str, Call], probed: Probed) -> list[Difference]:
    """What the probed kernel has beyond the mainline release that it is based on: calls, sizes, flags, unnamed bits."""
    found: list[Difference] = []
    for seen in probed.calls:
        call = calls.get(seen.name)
        if call is None or seen.presence != PRESENT:
            continue
        if mark_call(call, probed) == "kernel only":
            found.append(Difference(call=call.name, kind="call", name=call.name, mainline=call.since))
            continue
        found += _sizes_beyond(call, seen, probed)
        for word in call.word:
            found += [
                Difference(call=call.name, word=word.id, kind="flag", name=name, mainline=flag.since)
                for name, flag in word.flags.items()
                if mark_flag(flag, word, call, probed) == "kernel only"
            ]
            found += [
                Difference(call=call.name, word=word.id, kind="bit", name=hex(bit)) for bit in unnamed_bits(word, seen)
            ]
    return found


def unnamed_bits(word: Word, seen: ProbedCall) -> list[int]:
    """Bits that the kernel accepts and no header names, lowest first; none for words without named bits."""
    found = next((item for item in seen.words if item.name == word.id), None)
    if found is None or found.enumeration or word.kind != "bits" or not word.flags:
        return []
    rest = _mask(found.mask)
    for flag in word.flags.values():
        rest &= ~flag.value
    return [1 << bit for bit in range(64) if rest >> bit & 1]


def _sizes_beyond(call: Call, seen: ProbedCall, probed: Probed) -> list[Difference]:
    sizes = call.struct.sizes if call.struct else []
    known = [size.bytes for size in sizes]
    found = [
        Difference(call=call.name, kind="size", name=str(size.bytes), mainline=size.since)
        for size in sizes
        if mark_size(size.bytes, size.since, call, probed) == "kernel only"
    ]
    if seen.size and known and seen.size > max(known):
        found.append(Difference(call=call.name, kind="size", name=str(seen.size)))
    return found


def _accepts(found: ProbedWord, flag: Flag, word: Word) -> bool:
    if found.enumeration or word.kind == "values" or not flag.value:
        # A number has no bit of its own: it is known by a name for it, or zero, which every word of bits takes.
        accepted = {word.flags[name].value for name in found.names if name in word.flags}
        return flag.value in accepted or (not flag.value and word.kind == "bits")
    return flag.value & _mask(found.mask) == flag.value


def _mask(text: str) -> int:
    return int(text, 16)


def _mark(*, on_kernel: bool, in_release: bool) -> Mark:
    if on_kernel:
        return "both" if in_release else "kernel only"
    return "mainline only" if in_release else "neither"

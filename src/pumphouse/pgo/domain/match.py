# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a profile is of a build, and how much of it still fits another.

gcc says nothing where counters are of other code: it drops them, or takes them for what they are not. Here each
function is held against the notes of the build before the compiler sees it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import FunctionCounts, Gcda
from pumphouse.pgo.domain.gcno import FunctionNotes, Gcno
from pumphouse.pgo.domain.names import Names
from pumphouse.pgo.domain.profile import Notes, Profile, walk

# ok        of exactly this build: its stamp, and every function
# rebuilt   another build's, whose every function is the same
# other     another build's, and functions differ
# damaged   this build's stamp, but functions differ: the file was changed
# compiler  of another version of gcc
# unknown   the build has no notes of this object
Verdict = Literal["ok", "rebuilt", "other", "damaged", "compiler", "unknown"]
State = Literal["fits", "moved", "changed", "gone"]

WORDS: dict[str, str] = {
    "ok": "of this build",
    "rebuilt": "of another build of the same code",
    "other": "not of this build",
    "damaged": "of this build, but damaged",
    "compiler": "of another compiler",
    "unknown": "of an object that this build does not have",
}


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A function whose counters are not those that the build has. `name` is the build's, empty where it has none."""

    ident: int
    name: str
    count: int
    why: str


class FileCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one counter file."""

    object: str
    verdict: Verdict
    functions: int
    mismatches: list[Mismatch]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A profile against the notes of a build. `missing`: objects of the build without counters."""

    files: list[FileCheck]
    missing: list[str]

    @property
    def is_of_build(self) -> bool:
        """Whether every file is of exactly this build."""
        return all(one.verdict == "ok" for one in self.files)


class FunctionState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a function that ran: `share` of all counts (0 to 1)."""

    object: str
    ident: int
    name: str
    state: State
    share: float


class Staleness(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of all counts (0 to 1): of functions that fit, are elsewhere in their file, changed, or are gone.

    gcc uses what fits and what moved. `functions` are those that ran, the hottest first.
    """

    usable: float
    moved: float
    changed: float
    gone: float
    functions: list[FunctionState]


def check_profile(profile: Profile, notes: Notes) -> Check:
    """Each counter file against the notes of the build that it should be of."""
    return Check(
        files=[_check_file(name, gcda, notes.get(name)) for name, gcda in profile.items()],
        missing=sorted(set(notes) - set(profile)),
    )


def _check_file(name: str, gcda: Gcda, gcno: Gcno | None) -> FileCheck:
    functions = [one for one in gcda.functions if one.ident]
    mismatches: list[Mismatch] = []
    verdict: Verdict
    if gcno is None:
        verdict = "unknown"
    elif gcno.version != gcda.version:
        verdict = "compiler"
    else:
        mismatches = list_mismatches(functions, gcno)
        same = gcno.stamp == gcda.stamp
        verdict = ("damaged" if same else "other") if mismatches else ("ok" if same else "rebuilt")
    return FileCheck(object=name, verdict=verdict, functions=len(functions), mismatches=mismatches)


def check_against_notes(name: str, gcda: Gcda, gcno: Gcno) -> None:
    """Raises UserError where the counters of an object are not those of the build that wrote the notes."""
    file = _check_file(name, gcda, gcno)
    if file.verdict in {"ok", "rebuilt"}:
        return
    told = [f"{one.name or one.ident} {one.why}" for one in file.mismatches[:3]]
    more = len(file.mismatches) - len(told)
    raise UserError(
        f"{name}.gcda is {WORDS[file.verdict]}",
        where=f"{name}.gcda",
        why="; ".join(told) + (f"; and {more} more" if more > 0 else "") or f"{gcda.version}, not {gcno.version}",
        next_step="train on a kernel of this source, configuration and compiler",
    )


def list_mismatches(functions: list[FunctionCounts], gcno: Gcno) -> list[Mismatch]:
    """What differs between the counters of an object and its notes, functions without counters included."""
    known, found = gcno.by_ident, []
    for one in functions:
        noted = known.pop(one.ident, None)
        if why := _tell_difference(one, noted):
            name = noted.name if noted else ""
            found.append(Mismatch(ident=one.ident, name=name, count=sum(one.arcs), why=why))
    found += [
        Mismatch(ident=noted.ident, name=noted.name, count=0, why="has no counters")
        for noted in known.values()
        if noted.arcs
    ]
    return found


def _tell_difference(counts: FunctionCounts, noted: FunctionNotes | None) -> str:
    if noted is None:
        return "is no function of this build"
    if counts.cfg_checksum != noted.cfg_checksum:
        return "has other control flow"
    if len(counts.arcs) != noted.arcs:
        return f"has {len(counts.arcs)} counters instead of {noted.arcs}"
    return ""


def measure_staleness(profile: Profile, notes: Notes, names: Names | None = None) -> Staleness:
    """How much of a profile the code of another build still takes, by counts.

    The profile's static functions must be named for the path of that build's tree (remap.py). `names` are those of the
    build that was trained, for the functions that are gone.
    """
    found: list[FunctionState] = []
    total = sum(gcda.total for gcda in profile.values()) or 1
    by_object = {name: gcno.by_ident for name, gcno in notes.items()}
    for name, one in walk(profile):
        if not any(one.arcs):
            continue
        noted = by_object.get(name, {}).get(one.ident)
        told = (names or {}).get(name, {}).get(one.ident)
        label = noted.name if noted else told.name if told else ""
        share = sum(one.arcs) / total
        found.append(FunctionState(object=name, ident=one.ident, name=label, state=_state(one, noted), share=share))
    found.sort(key=lambda one: (-one.share, one.object, one.ident))
    shares = {state: sum(one.share for one in found if one.state == state) for state in ("moved", "changed", "gone")}
    usable = sum(one.share for one in found if one.state in {"fits", "moved"})
    return Staleness(usable=min(1.0, usable), **shares, functions=found)


def keep_matching(profile: Profile, notes: Notes) -> dict[str, Gcda]:
    """The profile without the functions that a build does not have as they were, and without objects left empty.

    gcc would drop them with a warning each; without them every warning is news.
    """
    kept: dict[str, Gcda] = {}
    for name, gcda in profile.items():
        keys = {one.key for one in notes[name].functions} if name in notes else set()
        functions = tuple(one for one in gcda.functions if one.key in keys)
        if functions:
            kept[name] = msgspec.structs.replace(gcda, functions=functions)
    return kept


def _state(counts: FunctionCounts, noted: FunctionNotes | None) -> State:
    if noted is None:
        return "gone"
    if counts.key != noted.key:
        return "changed"
    return "fits" if counts.lineno_checksum == noted.lineno_checksum else "moved"

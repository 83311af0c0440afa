# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The database as tables: every fact with its date and how it stands on a probed kernel; every call by releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from pumphouse.syscalls.domain.database.backport import Backport
from pumphouse.syscalls.domain.database.call import Call, Precision
from pumphouse.syscalls.domain.database.capability import call_at
from pumphouse.syscalls.domain.database.probed import Mark, Probed, mark_call, mark_flag, mark_size
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import evidence_of, precision_of, short_macro

FIRST_RELEASE = "5.3"  # the first column; what is older stands in it


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A call, a size of its struct, or a flag: since when, and its mark against the probed kernel ("" without one)."""

    call: str
    kind: Literal["call", "size", "flag"]
    name: str
    word: str = ""
    value: str = ""  # hexadecimal for a flag, bytes for a size
    since: str
    date: str
    precision: Precision
    evidence: str
    mark: Mark | Literal[""] = ""
    backports: list[str] = []


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A call in a release: whether it is there, the size that is new (0: none), and how many flags are new."""

    release: str
    is_there: bool
    bytes: int = 0
    flags: int = 0

    @property
    def is_new(self) -> bool:
        """Whether the release brought something."""
        return bool(self.bytes or self.flags)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A call by releases, oldest first."""

    call: str
    since: str
    cells: list[Cell]


def list_facts(
    calls: Mapping[str, Call], dates: Mapping[str, str], backports: Sequence[Backport], probed: Probed | None
) -> list[Fact]:
    """Every fact: by call, the call itself first, then sizes, then flags by word and value."""
    facts: list[Fact] = []
    for call in calls.values():
        facts.append(
            Fact(
                call=call.name,
                kind="call",
                name=call.name,
                since=call.since,
                date=dates.get(call.since, ""),
                precision="exact",
                evidence=call.evidence,
                mark=mark_call(call, probed) if probed else "",
                backports=vendors_of(backports, call.name, call.name),
            )
        )
        facts += [
            Fact(
                call=call.name,
                kind="size",
                name=short_macro(size.macro) or f"VER{number}",
                word=call.struct.tag,
                value=f"{size.bytes} bytes",
                since=size.since,
                date=dates.get(size.since, ""),
                precision=precision_of(size, call),
                evidence=evidence_of(size, call),
                mark=mark_size(size.bytes, size.since, call, probed) if probed else "",
                backports=vendors_of(backports, call.name, str(size.bytes)),
            )
            for number, size in enumerate(call.struct.sizes if call.struct else [])
            if call.struct
        ]
        facts += [
            Fact(
                call=call.name,
                kind="flag",
                name=name,
                word=word.id,
                value=hex(flag.value),
                since=flag.since,
                date=dates.get(flag.since, ""),
                precision=precision_of(flag, call, word),
                evidence=evidence_of(flag, call, word),
                mark=mark_flag(flag, word, call, probed) if probed else "",
                backports=vendors_of(backports, call.name, name),
            )
            for word in call.word
            for name, flag in sorted(word.flags.items(), key=lambda item: (item[1].value, item[0]))
        ]
    return facts


def make_grid(calls: Mapping[str, Call], releases: Sequence[str]) -> list[Row]:
    """Calls by releases, from 5.3 on: each cell tells what its release brought, the first what was there by then."""
    shown = [release for release in releases if read_tag(release) >= read_tag(FIRST_RELEASE)]
    rows = []
    for call in calls.values():
        cells = []
        before_bytes = before_flags = 0
        for release in shown:
            at = call_at(call, release)
            flags = sum(len(word.flags) for word in at.words)
            cells.append(
                Cell(
                    release=release,
                    is_there=at.is_there,
                    bytes=at.bytes if at.bytes != before_bytes else 0,
                    flags=flags - before_flags,
                )
            )
            before_bytes, before_flags = at.bytes, flags
        rows.append(Row(call=call.name, since=call.since, cells=cells))
    return rows


def vendors_of(backports: Sequence[Backport], call: str, name: str) -> list[str]:
    """The vendors' versions that have a thing earlier than mainline's release."""
    return [
        f"{item.vendor} {item.version}"
        for item in backports
        if any((each.call, each.name) == (call, name) for each in item.difference)
    ]

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What became of each object's profile in a build: the lines that native/pgo/cc.c writes, and what they amount to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from pumphouse.core.errors import UserError

Outcome = Literal["used", "ignored", "quarantine"]


class ObjectUse(msgspec.Struct, frozen=True, kw_only=True):
    """One object: how many of its functions have their counts, and how many gcc gave up; `reason` of a quarantine."""

    object: str
    outcome: Outcome
    with_counts: int
    without: int
    reason: str = ""


class ProfileUse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole build: objects that used their profile, that gcc ignored it for, that were built without, and unasked.

    `unasked` had a profile and were never compiled: this configuration has no such object.
    """

    used: int
    ignored: list[str]
    quarantined: list[ObjectUse]
    unasked: list[str]
    functions_with_counts: int
    functions_without: int

    @property
    def profiles(self) -> int:
        """How many objects had a profile."""
        return self.used + len(self.ignored) + len(self.quarantined) + len(self.unasked)


def read_line(line: str) -> ObjectUse:
    """One line of the compiler's log. Raises UserError where it is none."""
    found = re.fullmatch(r"(used|ignored|quarantine) (\S+)\.o (\d+) (\d+)(?: (.*))?", line)
    if found is None:
        raise UserError(f"not a line of the compiler's log: {line[:80]!r}", next_step="build again: the log is damaged")
    outcome, name, with_counts, without, reason = found.groups()
    return ObjectUse(
        object=name,
        outcome=outcome,  # type: ignore[arg-type]
        with_counts=int(with_counts),
        without=int(without),
        reason=reason or "",
    )


def sum_up(lines: Iterable[str], profiles: Iterable[str]) -> ProfileUse:
    """What the lines of a build say of these profiles. Raises UserError for a damaged line."""
    uses = {use.object: use for use in map(read_line, lines)}
    return ProfileUse(
        used=sum(use.outcome == "used" for use in uses.values()),
        ignored=sorted(use.object for use in uses.values() if use.outcome == "ignored"),
        quarantined=sorted((use for use in uses.values() if use.outcome == "quarantine"), key=lambda use: use.object),
        unasked=sorted(set(profiles) - set(uses)),
        functions_with_counts=sum(use.with_counts for use in uses.values()),
        functions_without=sum(use.without for use in uses.values()),
    )


def check_use(use: ProfileUse) -> None:
    """Raise UserError where no object used its profile: such a kernel only looks optimised."""
    if use.used:
        return
    if use.ignored:
        why = f"gcc gave up the profile of all {len(use.ignored)} objects; files without OBJECT_SUMMARY do that"
        step = "pumphouse pgo profile check tells what is wrong with the profile"
    elif use.quarantined:
        why = f"gcc failed on each of {len(use.quarantined)} objects: {use.quarantined[0].reason}"
        step = "collect the profile anew on a kernel of this source and compiler"
    else:
        why = f"none of the {len(use.unasked)} profiles names an object of this build, such as {use.unasked[:1]}"
        step = "collect the profile on a kernel of this configuration"
    raise UserError("no object used its profile", why=why, next_step=step)


def describe(use: ProfileUse) -> str:
    """The use in a sentence."""
    share = use.functions_with_counts + use.functions_without
    parts = [f"{use.used} of {use.profiles} objects used their profile"]
    if use.ignored:
        parts.append(f"gcc ignored it for {len(use.ignored)}")
    if use.quarantined:
        parts.append(f"{len(use.quarantined)} built without, because gcc failed with it")
    if use.unasked:
        parts.append(f"{len(use.unasked)} not in this build")
    return f"{'; '.join(parts)}; {use.functions_with_counts:,} of {share:,} functions have counts"

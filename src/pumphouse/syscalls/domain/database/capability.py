# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a mainline release can do: sizes and flags by call, and what it was the first to have."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pumphouse.syscalls.domain.database.call import Call
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import has_it


class WordAt(msgspec.Struct, kw_only=True, frozen=True):
    """A word in a release: its flags, their mask (0 for words that hold a number), and the flags that are new in it."""

    word: str
    mask: int
    flags: list[str]
    new: list[str]


class CallAt(msgspec.Struct, kw_only=True, frozen=True):
    """A call in a release: whether it is there, the size of its struct (0 without one), its words."""

    call: str
    release: str
    is_there: bool
    is_new: bool
    bytes: int
    is_size_new: bool
    words: list[WordAt]


def call_at(call: Call, release: str) -> CallAt:
    """What of a call is in a mainline release. Raises UserError where `release` is no version."""
    version = read_tag(release).release
    is_there = has_it(call.since, release)
    sizes = [size for size in (call.struct.sizes if call.struct else []) if has_it(size.since, release)]
    largest = max(sizes, key=lambda size: size.bytes, default=None)
    words = []
    for word in call.word if is_there else []:
        there = {name: flag for name, flag in word.flags.items() if has_it(flag.since, release)}
        mask = 0
        for flag in there.values():
            mask |= flag.value
        words.append(
            WordAt(
                word=word.id,
                mask=mask if word.kind == "bits" else 0,
                flags=sorted(there, key=lambda name: (word.flags[name].value, name)),
                new=[name for name, flag in there.items() if flag.since == version],
            )
        )
    return CallAt(
        call=call.name,
        release=version,
        is_there=is_there,
        is_new=call.since == version,
        bytes=largest.bytes if largest and is_there else 0,
        is_size_new=largest is not None and largest.since == version,
        words=words,
    )


def news_of(calls: Mapping[str, Call], release: str) -> list[CallAt]:
    """The calls that are new in a release, or whose struct or flags are."""
    found = [call_at(call, release) for call in calls.values()]
    return [item for item in found if item.is_new or item.is_size_new or any(word.new for word in item.words)]

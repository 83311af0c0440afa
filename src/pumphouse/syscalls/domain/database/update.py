# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Bringing what a release's headers say into the database.

The order in which releases are read does not matter: the earliest tag that has a constant, and the last tag before
that has its header without it, are what stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pumphouse.syscalls.domain.database.call import Appearance, Call, Flag, Size, Word
from pumphouse.syscalls.domain.database.release import earlier, later, read_tag
from pumphouse.syscalls.domain.tree.uapi import UapiHeaders


class ReadTag(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Headers that were read: the tag, its date, where they came from, which of the database's headers were there."""

    tag: str
    date: str
    source: str
    headers: list[str]


class Change(msgspec.Struct, kw_only=True, frozen=True):
    """One thing that a reading changed: the call, the word or struct, the name, and what is new."""

    call: str
    word: str
    name: str
    what: str


def update_call(call: Call, headers: UapiHeaders, tag: str, history: Sequence[ReadTag]) -> list[Change]:
    """Bring one release's headers into a call, in place; returns what is new or has moved."""
    changes: list[Change] = []
    for word in call.word:
        changes += _update_word(call, word, headers, tag, history)
    if call.struct:
        changes += _update_sizes(call, headers, tag, history)
    return changes


def _update_word(call: Call, word: Word, headers: UapiHeaders, tag: str, history: Sequence[ReadTag]) -> list[Change]:
    changes = []
    there = {
        name: constant
        for name, constant in headers.constants.items()
        if constant.header in call.headers and word.covers(name, constant)
    }
    for name, constant in there.items():
        if constant.value >= 1 << 63 and word.kind == "values":
            continue  # negative: a command for the library, not for the kernel
        flag = word.flags.get(name)
        what = ""
        if flag is None:
            flag = word.flags[name] = Flag(value=constant.value)
            what = "new"
        elif flag.value == 0:
            flag.value = constant.value
        elif flag.value != constant.value:
            what = f"its value is {constant.value:#x}, it was {flag.value:#x}"
        moved = _note_presence(flag, tag, _last_without(history, constant.header, tag))
        _date(flag, call.since, word.since)
        if what or moved:
            changes.append(Change(call=call.name, word=word.id, name=name, what=what or moved))
    if there or not word.flags:
        read = {constant.header for constant in there.values()}
        for name, flag in word.flags.items():
            if name not in there and read:
                _note_absence(flag, tag)
    return changes


def _update_sizes(call: Call, headers: UapiHeaders, tag: str, history: Sequence[ReadTag]) -> list[Change]:
    struct = call.struct
    if struct is None:
        return []
    size = headers.size(struct.tag, struct.kind)
    if size is None:
        return []
    macros = {
        constant.value: name
        for name, constant in sorted(headers.constants.items())
        if struct.macros and Word(id="", constants=[struct.macros]).covers(name, constant)
    }
    changes = []
    known = {item.bytes: item for item in struct.sizes}
    if size not in known:
        known[size] = Size(bytes=size)
        struct.sizes.append(known[size])
        changes.append(Change(call=call.name, word=struct.tag, name=f"{size} bytes", what="new"))
    for item in struct.sizes:
        if item.bytes in macros and not item.macro:
            item.macro = macros[item.bytes]
        if item.bytes == size:
            header = headers.home(struct.tag, struct.kind)
            _note_presence(item, tag, _last_without(history, header, tag))
        elif item.bytes > size:
            _note_absence(item, tag)
        _date(item, call.since, "")
    struct.sizes.sort(key=lambda item: item.bytes)
    return changes


def _last_without(history: Sequence[ReadTag], header: str, tag: str) -> str:
    """The last tag before `tag` whose headers had this one."""
    before = [item.tag for item in history if header in item.headers and read_tag(item.tag) < read_tag(tag)]
    return max(before, key=read_tag, default="")


def _note_presence(item: Appearance, tag: str, last_without: str) -> str:
    """Take note that `tag` has it; tells what moved. A stable tag after a mainline one without it is a backport."""
    if item.absent and read_tag(item.absent) >= read_tag(tag):
        if read_tag(tag).is_stable:
            return f"in {tag}, though not in {item.absent}: a backport?"
        item.absent = ""  # it went and came again: the first time counts
    first = earlier(item.seen, tag)
    if first == item.seen:
        return ""
    moved = f"already in {tag}, was dated {item.seen}" if item.seen else ""
    item.seen = first
    if last_without and not moved:
        item.absent = later(item.absent, last_without)
    return moved


def _note_absence(item: Appearance, tag: str) -> None:
    if item.seen and read_tag(tag) < read_tag(item.seen):
        item.absent = later(item.absent, tag)


def _date(item: Appearance, *not_before: str) -> None:
    """Set `since`: a document's word stands; else the first tag's release, but not before the call or the word."""
    if item.document and item.since:
        return
    since = read_tag(item.seen).release if item.seen else ""
    for bound in not_before:
        since = later(since, bound) if since and bound else since or bound
    item.since = since

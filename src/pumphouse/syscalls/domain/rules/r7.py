# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R7: structs have no holes, look the same on 32-bit and 64-bit machines, and reserved fields are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import layout_of
from pumphouse.syscalls.domain.flow import tag_of
from pumphouse.syscalls.domain.masks import is_struct_pointer
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree.layout import Layout

_RESERVED = re.compile(r"^_*(reserved|resv|pad|padding|spare|unused)\w*$")


def _check(subject: Subject) -> Iterator[Hit]:
    seen = set()
    for name, tag in _structs(subject):
        layout = layout_of(subject.tree, tag)
        place = subject.tree.headers.place(tag) or subject.tree.headers.place(tag, "union")
        if layout is None or place is None or not place.file.startswith("include/uapi/"):
            continue
        if tag not in seen:
            seen.add(tag)
            for wanted, message, remedy in _faults(layout):
                severity = subject.severity(name, wanted) if name in subject.calls else wanted
                yield Hit(severity, place.file, place.line, name, message, remedy)
        yield from _check_reserved(subject, name, layout)


def _structs(subject: Subject) -> list[tuple[str, str]]:
    """The structs whose layout a call chose: those that can grow, and those that only new calls take."""
    found = [(item.call, item.tag) for _, item in subject.structs if item.tag]
    for name, definition in subject.new_calls.items():
        for argument in definition.arguments:
            tag = tag_of(argument.ctype)
            if is_struct_pointer(argument) and tag not in subject.old_tags and (name, tag) not in found:
                found.append((name, tag))
    return found


def _faults(layout: Layout) -> Iterator[tuple[str, str, str]]:
    what = f"{layout.kind} {layout.tag}"
    holes = sorted(set(layout.holes))
    if holes:
        places = ", ".join(f"{size} bytes at {offset}" for offset, size in holes)
        yield ERROR, f"{what} has holes: {places}", "name the padding: __u32 __reserved, and check it"
    if layout.tail:
        yield (
            ERROR,
            f"{what} ends in {layout.tail} bytes of padding",
            "name the padding: __u32 __reserved, and check it",
        )
    pointers = [field.name for field in layout.fields if field.is_pointer]
    if pointers:
        yield ERROR, f"{what} holds pointers: {', '.join(pointers)}", "carry pointers as __aligned_u64"
    longs = [
        field.name
        for field in layout.fields
        if field.size == 2 * field.size32 > 0
        and not field.is_pointer
        and not field.ctype.startswith(("struct", "union"))
    ]
    if longs:
        yield ERROR, f"{what} holds longs: {', '.join(longs)}", "use __u32 and __aligned_u64"
    elif layout.size != layout.size32 and not pointers:
        yield (
            ERROR,
            f"{what} has {layout.size} bytes, but {layout.size32} on i386",
            "use __aligned_u64 for 64-bit fields",
        )


def _check_reserved(subject: Subject, name: str, layout: Layout) -> Iterator[Hit]:
    """A reserved field that comes in and that nothing looks at can never get a meaning."""
    if name not in subject.new_calls:
        return
    events = subject.events(name)
    copied = [event for event in events if event.kind == "copy" and event.word == layout.tag]
    if not copied:
        return
    for field in layout.fields:
        if not _RESERVED.match(field.name) or any(event.word == f"{layout.tag}.{field.name}" for event in events):
            continue
        if any(event.word == f"{layout.tag}.{field.name.rpartition('.')[0]}" for event in events):
            continue
        yield Hit(
            WARNING,
            copied[0].file,
            copied[0].line,
            name,
            f"{name}: nothing refuses a value in {layout.tag}.{field.name}",
            f"if ({field.name}) return -EINVAL;",
        )


RULE = Rule(
    7,
    "structs have no holes and are the same on 32-bit and 64-bit machines",
    "padding carries rubbish in and kernel memory out; other layouts need a compat entry for ever",
    "use fixed-width types, __aligned_u64 for 64 bits and pointers, and named padding that must be 0",
    _check,
)

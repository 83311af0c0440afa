# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R3: the size of a struct that can grow is an argument beside its pointer, or its first field."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.flow import tag_of
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject

_SIZE_TYPES = frozenset({"size_t", "u32", "__u32", "unsigned int", "unsigned"})


def _check(subject: Subject) -> Iterator[Hit]:
    for _, item in subject.structs:
        definition = subject.calls.get(item.call)
        if definition is None:
            continue
        if "." in item.size_via:
            layout = subject.tree.headers.layout(item.tag)
            field = layout.field(item.size_via.partition(".")[2]) if layout else None
            if field and field.offset:
                yield Hit(
                    subject.severity(item.call, WARNING),
                    item.file,
                    item.line,
                    item.call,
                    f"{item.call}: {item.size_via} is at offset {field.offset}, not the first field",
                )
            continue
        names = [argument.name for argument in definition.arguments]
        if item.size_via not in names:
            continue
        place = names.index(item.size_via)
        size = definition.arguments[place]
        ctype = re.sub(r"\bconst\b", "", size.ctype).strip()
        if ctype not in _SIZE_TYPES and "*" not in ctype:
            yield Hit(
                subject.severity(item.call, ERROR),
                definition.file,
                definition.line,
                item.call,
                f"{item.call}: the size {size.name} is `{size.ctype}`, not `size_t`",
            )
        if place == 0 or tag_of(definition.arguments[place - 1].ctype) != item.tag:
            yield Hit(
                subject.severity(item.call, WARNING),
                definition.file,
                definition.line,
                item.call,
                f"{item.call}: the size {size.name} does not follow the pointer to struct {item.tag}",
            )


RULE = Rule(
    3,
    "the size of a struct is an argument beside its pointer",
    "libraries and seccomp filters see arguments; they look for the size where every other call has it",
    "take `struct x __user *arg, size_t usize`; where the size is in the struct, make it the first field",
    _check,
)

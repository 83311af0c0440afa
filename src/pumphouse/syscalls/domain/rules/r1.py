# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R1: a flags argument is an `unsigned int`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.masks import is_flag_name
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject

_RIGHT = frozenset({"unsigned int", "unsigned", "u32", "__u32", "uint32_t", "rwf_t"})
_WIDE = frozenset({"unsigned long", "long", "u64", "__u64", "size_t", "unsigned long long", "long long"})


def _check(subject: Subject) -> Iterator[Hit]:
    for name, definition in subject.calls.items():
        for argument in definition.arguments:
            ctype = re.sub(r"\bconst\b", "", argument.ctype).strip()
            if not is_flag_name(argument.name) or "*" in ctype or ctype in _RIGHT:
                continue
            severity = ERROR if ctype in _WIDE else WARNING
            yield Hit(
                subject.severity(name, severity),
                definition.file,
                definition.line,
                name,
                f"{name}: {argument.name} is `{argument.ctype}`, not `unsigned int`",
            )


RULE = Rule(
    1,
    "a flags argument is an unsigned int",
    "a long has other bits on 32-bit machines, and a signed int is extended: bit 31 then sets the upper half",
    "declare it `unsigned int`; more than 32 flags belong into the struct as __aligned_u64",
    _check,
)

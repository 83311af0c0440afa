# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R10: the number at the end of a name is the revision, not the number of arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.rules.records import WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject

_NUMBERED = re.compile(r"^(.*?[a-z])(\d)$")


def _check(subject: Subject) -> Iterator[Hit]:
    names = set(subject.tree.numbers) | set(subject.tree.natives)
    for name, definition in subject.new_calls.items():
        match = _NUMBERED.match(name)
        if not match:
            continue
        base, number = match.group(1), int(match.group(2))
        before = base if number <= 2 else f"{base}{number - 1}"
        if number < 2 or (before not in names and base not in names):
            yield Hit(
                WARNING,
                definition.file,
                definition.line,
                name,
                f"{name}: there is no {before} of which it is a revision",
            )
        elif number > 2 and before not in names and number == len(definition.arguments):
            yield Hit(
                WARNING,
                definition.file,
                definition.line,
                name,
                f"{name}: {number} is the number of arguments; the revision after {base} is {base}2",
            )


RULE = Rule(
    10,
    "the number in a name is the revision",
    "whoever reads openat2 knows that it follows openat; a number of arguments says nothing and goes stale",
    "name the second revision NAME2, whatever it takes",
    _check,
)

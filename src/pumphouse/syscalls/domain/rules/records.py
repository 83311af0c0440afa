# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from pumphouse.syscalls.domain.rules.subject import Subject

ERROR, WARNING, LEGACY = "error", "warning", "legacy"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `file` is relative to the tree, `line` counts from 1, `syscall` may be a function below an ioctl."""

    rule: str
    severity: str
    file: str
    line: int
    syscall: str
    message: str
    why: str
    remedy: str
    link: str


class Hit(NamedTuple):
    """What a rule's check yields; the rule adds the rest."""

    severity: str
    file: str
    line: int
    syscall: str
    message: str
    remedy: str = ""  # where it differs from the rule's


class Rule(NamedTuple):
    """A rule: its number, what it asks for in one line, why, the remedy, and its check."""

    number: int
    title: str
    why: str
    remedy: str
    check: Callable[[Subject], Iterator[Hit]]

    @property
    def name(self) -> str:
        """R1 to R12."""
        return f"R{self.number}"

    def find(self, subject: Subject) -> Iterator[Finding]:
        """The findings of this rule in a tree."""
        for hit in self.check(subject):
            yield Finding(
                rule=self.name,
                severity=hit.severity,
                file=hit.file,
                line=hit.line,
                syscall=hit.syscall,
                message=hit.message,
                why=self.why,
                remedy=hit.remedy or self.remedy,
                link=f"/syscalls/rules/{self.name}",
            )

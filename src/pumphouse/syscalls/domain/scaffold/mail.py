# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Patch series in git's mail format, from texts before and after; `git am`, `git apply` and `patch -p1` take them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Message:
    """One patch: its subject, why, and each changed file's text before (None: new) and after."""

    subject: str
    body: str
    changes: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The subject as a file name."""
        return re.sub(r"[^A-Za-z0-9_.]+", "-", self.subject).strip("-")[:52]


def write_message(message: Message, *, number: int, total: int, author: str, date: str) -> str:
    """One mail. `author` is NAME <ADDRESS>, `date` of RFC 5322."""
    diffs = {path: _diff(path, *texts) for path, texts in message.changes.items() if texts[0] != texts[1]}
    added = {path: sum(line.startswith("+") for line in diff[2:]) for path, diff in diffs.items()}
    removed = {path: sum(line.startswith("-") for line in diff[2:]) for path, diff in diffs.items()}
    width = max(map(len, diffs), default=0)
    stat = [f" {path:<{width}} | {added[path] + removed[path]:>4}" for path in diffs]
    total_line = (
        f" {len(diffs)} files changed, {sum(added.values())} insertions(+), {sum(removed.values())} deletions(-)"
    )
    lines = [
        f"From {'0' * 40} Mon Sep 17 00:00:00 2001",
        f"From: {author}",
        f"Date: {date}",
        f"Subject: [PATCH {number}/{total}] {message.subject}",
        "",
        message.body.rstrip("\n"),
        "",
        f"Signed-off-by: {author}",
        "---",
        *stat,
        total_line,
        "",
    ]
    text = "\n".join(lines) + "\n"
    for path, diff in diffs.items():
        new = message.changes[path][0] is None
        text += f"diff --git a/{path} b/{path}\n" + ("new file mode 100644\n" if new else "") + "".join(diff)
    return text


def write_series(messages: Sequence[Message], *, author: str, date: str) -> list[tuple[str, str]]:
    """The files of a series: names as git format-patch gives them, and their texts."""
    total = len(messages)
    return [
        (
            f"{number:04}-{message.slug}.patch",
            write_message(message, number=number, total=total, author=author, date=date),
        )
        for number, message in enumerate(messages, start=1)
    ]


def _diff(path: str, before: str | None, after: str) -> list[str]:
    old = [] if before is None else before.splitlines(keepends=True)
    name = "/dev/null" if before is None else f"a/{path}"
    diff = difflib.unified_diff(old, after.splitlines(keepends=True), name, f"b/{path}")
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff]

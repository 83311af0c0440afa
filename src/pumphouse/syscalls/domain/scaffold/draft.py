# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A tree with changes that are only thought of, closed step by step into the messages of a series."""

from __future__ import annotations

from collections.abc import Callable

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.scaffold.mail import Message
from pumphouse.syscalls.domain.tree.files import Files, OverlaidFiles


class Draft:
    """Changes to files; what was not changed is read from the tree."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.messages: list[Message] = []
        self._now: dict[str, str] = {}
        self._open: dict[str, str | None] = {}  # texts as they were before this message

    def read(self, path: str) -> str | None:
        """A file as it is by now, None where there is none."""
        if path in self._now:
            return self._now[path]
        content = self.files.read(path)
        return None if content is None else content.decode("utf-8", errors="surrogateescape")

    def need(self, path: str) -> str:
        """The same of a file that must be there. Raises UserError."""
        text = self.read(path)
        if text is None:
            raise UserError(
                f"the tree has no {path}", where=path, why="it is changed", next_step="name a complete kernel tree"
            )
        return text

    def write(self, path: str, text: str) -> None:
        """Change or add a file."""
        self._open.setdefault(path, self.read(path))
        self._now[path] = text

    def edit(self, path: str, how: Callable[[str], str]) -> None:
        """Change a file that must be there."""
        self.write(path, how(self.need(path)))

    def close(self, subject: str, body: str) -> None:
        """Make a message of what has changed since the last one; none where nothing has."""
        changes = {path: (before, self._now[path]) for path, before in self._open.items() if before != self._now[path]}
        if changes:
            self.messages.append(Message(subject=subject, body=body, changes=changes))
        self._open.clear()

    def overlaid(self) -> OverlaidFiles:
        """The tree as it would be."""
        return OverlaidFiles(
            self.files, {path: text.encode(errors="surrogateescape") for path, text in self._now.items()}
        )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""C files, blanked, and the functions in them: found first in the same file, then in its neighbours."""

from __future__ import annotations

import re
from typing import NamedTuple

from pumphouse.syscalls.domain.tree.ctext import Function, Lines, blank, decode, find_functions
from pumphouse.syscalls.domain.tree.definitions import declare_arguments
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.records import Argument

_LOCAL_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)
_HEAD = re.compile(rb"^(?!static|extern|typedef|#|return|else)[A-Za-z_][\w \t*]*?\b(\w+)\(", re.MULTILINE)


class Found(NamedTuple):
    """A function and the file that defines it."""

    file: str
    function: Function


class Sources:
    """Blanked texts by file, kept; functions by name."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._texts: dict[str, str] = {}
        self._lines: dict[str, Lines] = {}
        self._functions: dict[str, dict[str, Function]] = {}
        self._found: dict[tuple[str, str], Found | None] = {}
        self._includes: dict[str, tuple[str, ...]] = {}
        self._indexes: dict[str, dict[str, list[str]]] = {}

    def text(self, file: str) -> str:
        """The blanked text of a file; empty where there is none."""
        if file not in self._texts:
            content = self._files.read(file)
            self._texts[file] = blank(decode(content)) if content is not None else ""
        return self._texts[file]

    def line(self, file: str, position: int) -> int:
        """The line of a position in a file."""
        if file not in self._lines:
            self._lines[file] = Lines(self.text(file))
        return self._lines[file].at(position)

    def functions(self, file: str) -> dict[str, Function]:
        """The functions that a file defines; the first where conditional compilation gives several."""
        if file not in self._functions:
            found: dict[str, Function] = {}
            for function in find_functions(self.text(file)):
                found.setdefault(function.name, function)
            self._functions[file] = found
        return self._functions[file]

    def body(self, found: Found) -> str:
        """The text of a function's body, from its brace on."""
        return self.text(found.file)[found.function.body_start : found.function.body_end]

    def arguments(self, file: str, name: str) -> tuple[Argument, ...]:
        """The parameters of a function that a file defines."""
        function = self.functions(file).get(name)
        return declare_arguments(function.parameters) if function else ()

    def find_function(self, name: str, file: str) -> Found | None:
        """The function that a call in `file` means: of the same file, of a header it includes, of its folder."""
        function = self.functions(file).get(name)
        if function:
            return Found(file, function)
        key = (name, file)
        if key not in self._found:
            self._found[key] = self._find_near(name, file)
        return self._found[key]

    def _find_near(self, name: str, file: str) -> Found | None:
        for other in self._included(file):
            if name in self.text(other) and (function := self.functions(other).get(name)):
                return Found(other, function)
        for other in self._index(file.rpartition("/")[0]).get(name, ()):
            if other != file and (function := self.functions(other).get(name)):
                return Found(other, function)
        return None

    def _included(self, file: str) -> tuple[str, ...]:
        if file not in self._includes:
            folder = file.rpartition("/")[0]
            content = self._files.read(file)
            names = _LOCAL_INCLUDE.findall(decode(content)) if content else []
            self._includes[file] = tuple(_join(folder, name) for name in names)
        return self._includes[file]

    def _index(self, folder: str) -> dict[str, list[str]]:
        """Which files of a folder may define a function: it stands at the head of a line that is not static."""
        if folder not in self._indexes:
            index: dict[str, list[str]] = {}
            for file in self._files.walk(folder, (".c",), deep=False):
                for name in set(_HEAD.findall(self._files.read(file) or b"")):
                    index.setdefault(name.decode(), []).append(file)
            self._indexes[folder] = index
        return self._indexes[folder]


def _join(folder: str, name: str) -> str:
    parts = folder.split("/")
    for part in name.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)

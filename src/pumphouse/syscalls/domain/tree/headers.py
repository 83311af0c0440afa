# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Macros, enumerators and structs of a tree's headers, read on demand.

A name is looked up as the compiler would find it most likely: in the file itself and the headers beside it, then in
include/uapi, include/linux and include/asm-generic. Where a name has several definitions (by architecture or
configuration) the first counts.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from pumphouse.syscalls.domain.tree.ctext import (
    Lines,
    blank,
    blank_directives,
    collapse,
    decode,
    find_close,
    split_arguments,
)
from pumphouse.syscalls.domain.tree.expressions import NotConstantError, evaluate
from pumphouse.syscalls.domain.tree.files import Files
from pumphouse.syscalls.domain.tree.layout import Layout, lay_out
from pumphouse.syscalls.domain.tree.records import Constant

HEADER_FOLDERS = ("include/uapi/linux", "include/uapi/asm-generic", "include/linux", "include/asm-generic")
FALLBACK_FOLDERS = ("arch/x86/include/uapi/asm", "arch/x86/include/asm", "include/uapi", "include/net")

_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_DEFINE_TEXT = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\([^()\n]*\))?((?:\\\n|[^\n])*)", re.MULTILINE)
_TAG = re.compile(rb"^[ \t]*(?:typedef[ \t]+)?(struct|union|enum)[ \t]+(\w+)[ \t]*\{", re.MULTILINE)
_ENUM = re.compile(r"\benum\b\s*(\w*)[^;{}()]*\{")
_BLANKED = re.compile("' '")
_CHARACTER = re.compile(r"'[^\s()\[\]{}'\"\\]'")
_WORD = (1 << 64) - 1
_LOCAL_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]+"([^"\n/]+\.h)"', re.MULTILINE)


class Macro(NamedTuple):
    """A macro: parameters (None without parentheses), replacement (spaces collapsed), and where it stands."""

    parameters: tuple[str, ...] | None
    replacement: str
    file: str
    line: int


class Place(NamedTuple):
    """Where a struct or a macro stands."""

    file: str
    line: int


class Headers:
    """The headers of a tree. Lookups are kept."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._macros: dict[str, dict[str, list[str]]] = {}  # folder -> name -> files
        self._tags: dict[tuple[str, str], list[str]] | None = None
        self._texts: dict[str, str] = {}
        self._found: dict[str, dict[str, Macro]] = {}  # file -> name
        self._layouts: dict[tuple[str, str], Layout | None] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._enumerators: dict[str, dict[str, tuple[int, str]]] = {}  # file -> name -> value, tag of the enum
        self._enum_index: dict[str, str] | None = None
        self._near: dict[str, tuple[str, ...]] = {}

    def text(self, file: str) -> str:
        """The blanked text of a header; empty where there is none."""
        if file not in self._texts:
            content = self._files.read(file)
            self._texts[file] = blank(decode(content)) if content is not None else ""
        return self._texts[file]

    def macro(self, name: str, near: str = "") -> Macro | None:
        """What a name is defined as, seen from the file `near`."""
        for file in self._near_files(near) if near else ():
            macro = self._macros_of(file).get(name)
            if macro:
                return macro
        for folder in (*HEADER_FOLDERS, *FALLBACK_FOLDERS):
            for file in self._macro_files(folder).get(name, ()):
                macro = self._macros_of(file).get(name)
                if macro and (macro.replacement or macro.parameters is None):
                    return macro
        return None

    def names_like(self, pattern: str, file: str) -> list[str]:
        """The macros of a header whose names match a regular expression, in the header's order."""
        content = self._files.read(file) or b""
        wanted = re.compile(pattern)
        return [name for name in (match.decode() for match in _DEFINE.findall(content)) if wanted.fullmatch(name)]

    def constants(self, file: str) -> dict[str, Constant]:
        """The macros without parameters and the enumerators of a header that have a value, by name."""
        found = {name: Constant(value & _WORD, file, tag) for name, (value, tag) in self._enums_of(file).items()}
        for name, macro in self._macros_of(file).items():
            if macro.parameters is None and not (macro.replacement == name and name in found):
                found.pop(name, None)
                value = self.value(name, file)
                if value is not None:
                    found[name] = Constant(value & _WORD, file)
        return found

    def value(self, expression: str, near: str = "") -> int | None:
        """The value of a constant expression as seen from a file, None where it cannot be worked out."""
        try:
            return evaluate(expression, _Seen(self, near))
        except NotConstantError:
            return None

    def layout(self, tag: str, kind: str = "struct") -> Layout | None:
        """The layout of a struct or union of the headers, uapi first, or None where it or a type in it is not known."""
        key = (kind, tag)
        if key not in self._layouts:
            self._layouts[key] = None  # a struct that holds itself has no layout
            self._layouts[key] = self._lay_out(kind, tag)
        return self._layouts[key]

    def place(self, tag: str, kind: str = "struct") -> Place | None:
        """Where a struct or union is defined."""
        self.layout(tag, kind)
        return self._places.get((kind, tag))

    def _lay_out(self, kind: str, tag: str) -> Layout | None:
        for file in self._tag_files().get((kind, tag), ()):
            text = self.text(file)
            match = re.search(rf"\b{kind}\s+{tag}\s*\{{", text)
            close = find_close(text, match.end() - 1) if match else -1
            if match and close > 0:
                self._places[kind, tag] = Place(file, Lines(text).at(match.start()))
                attributes = text[close + 1 : text.find(";", close) if ";" in text[close:] else close + 1]
                try:
                    return lay_out(
                        kind,
                        tag,
                        text[match.end() : close],
                        find=lambda other_kind, other: self.layout(other, other_kind),
                        evaluate=partial(self.value, near=file),
                        attributes=attributes,
                    )
                except RecursionError:  # braces a thousand deep
                    return None
        return None

    def enumerator(self, name: str, near: str = "") -> int | None:
        """The value of an enumeration constant of the headers or of a file."""
        for file in self._near_files(near) if near else ():
            if name in self._enums_of(file):
                return self._enums_of(file)[name][0]
        if self._enum_index is None:
            self._enum_index = {}
            for folder in HEADER_FOLDERS[:1]:
                for file in self._files.walk(folder, (".h",)):
                    content = self._files.read(file)
                    if content and b"enum" in content and file.count("/") == folder.count("/") + 1:
                        for constant in re.findall(rb"^\s+([A-Z][A-Z0-9_]+)\s*(?:=[^,\n]*)?,?", content, re.MULTILINE):
                            self._enum_index.setdefault(constant.decode(), file)
        home = self._enum_index.get(name)
        there = self._enums_of(home).get(name) if home else None
        return there[0] if there else None

    def _enums_of(self, file: str) -> dict[str, tuple[int, str]]:
        if file not in self._enumerators:
            found: dict[str, tuple[int, str]] = {}
            self._enumerators[file] = found
            text = blank_directives(self.text(file))
            for match in _ENUM.finditer(text):
                close = find_close(text, match.end() - 1)
                following: int | None = 0
                for part in split_arguments(text[match.end() : close]) if close > 0 else []:
                    name, equals, expression = (piece.strip() for piece in part.partition("="))
                    if not name.isidentifier():
                        continue
                    value = self.value(expression, file) if equals else following
                    if value is not None:
                        found[name] = value, match.group(1)
                    following = None if value is None else value + 1
        return self._enumerators[file]

    def _macro_files(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._macros:
            index: dict[str, list[str]] = {}
            shallow = folder in ("include/linux", "include/uapi", "include/net")
            for file in self._files.walk(folder, (".h",)):
                if shallow and file.count("/") > folder.count("/") + 2:
                    continue
                for name in set(_DEFINE.findall(self._files.read(file) or b"")):
                    index.setdefault(name.decode(), []).append(file)
            self._macros[folder] = index
        return self._macros[folder]

    def _macros_of(self, file: str) -> dict[str, Macro]:
        if file not in self._found:
            text = self.text(file)
            lines = Lines(text)
            found: dict[str, Macro] = {}
            for match in _DEFINE_TEXT.finditer(text):
                name, parameters, replacement = match.groups()
                if name not in found:
                    if "' '" in replacement:
                        replacement = self._with_characters(file, replacement, match.start(3))
                    found[name] = Macro(
                        tuple(split_arguments(parameters[1:-1])) if parameters else None,
                        collapse(replacement.replace("\\\n", " ")),
                        file,
                        lines.at(match.start()),
                    )
            self._found[file] = found
        return self._found[file]

    def _with_characters(self, file: str, text: str, start: int) -> str:
        """Blanked text of a file, from a position on, with its character constants: they have values."""
        whole = decode(self._files.read(file) or b"")

        def put_back(match: re.Match[str]) -> str:
            there = whole[start + match.start() : start + match.end()]
            return there if _CHARACTER.fullmatch(there) else match.group()

        return _BLANKED.sub(put_back, text)

    def _near_files(self, near: str) -> tuple[str, ...]:
        if near not in self._near:
            folder = near.rpartition("/")[0]
            content = self._files.read(near) or b""
            beside = tuple(f"{folder}/{name.decode()}" for name in _LOCAL_INCLUDE.findall(content))
            self._near[near] = (near, *beside)
        return self._near[near]

    def _tag_files(self) -> dict[tuple[str, str], list[str]]:
        if self._tags is None:
            self._tags = {}
            for folder in ("include/uapi/linux", "include/uapi/asm-generic", "include/linux"):
                for file in self._files.walk(folder, (".h",)):
                    if folder == "include/linux" and file.count("/") > 2:
                        continue
                    for kind, tag in _TAG.findall(self._files.read(file) or b""):
                        self._tags.setdefault((kind.decode(), tag.decode()), []).append(file)
        return self._tags


class _Seen:
    """The meanings of names as seen from one file."""

    def __init__(self, headers: Headers, near: str) -> None:
        self._headers = headers
        self._near = near

    def macro(self, name: str) -> tuple[tuple[str, ...] | None, str] | None:
        macro = self._headers.macro(name, self._near)
        return macro and (macro.parameters, macro.replacement)

    def enumerator(self, name: str) -> int | None:
        return self._headers.enumerator(name, self._near)

    def size_of(self, what: str) -> int | None:
        sizes = {"u32": 4, "__u32": 4, "int": 4, "unsigned int": 4, "u64": 8, "__u64": 8, "long": 8, "unsigned long": 8}
        kind, _, tag = what.partition(" ")
        if kind in ("struct", "union"):
            layout = self._headers.layout(tag, kind)
            return layout.size if layout else None
        return sizes.get(what)

    def end_of(self, what: str, field: str) -> tuple[int, int] | None:
        kind, _, tag = what.partition(" ")
        layout = self._headers.layout(tag, kind)
        found = layout and layout.field(field)
        return (found.offset, found.size) if found else None

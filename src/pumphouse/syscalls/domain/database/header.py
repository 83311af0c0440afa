# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Named integer constants of uapi headers: `#define`s and enumerators, without a compiler.

Conditions are not evaluated: where a name is defined twice, the first definition counts, which in asm-generic headers
is the one for architectures without a deviation of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pumphouse.syscalls.domain.database.expression import evaluate

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)[ \t]+(\S[^\n]*)$", re.MULTILINE)
_ENUM = re.compile(r"\benum\b\s*([A-Za-z_]\w*)?\s*\{([^{}]*)\}")
_DIRECTIVE = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)
_MEMBER = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:=\s*(.*?)\s*)?", re.DOTALL)


class Constant(msgspec.Struct, frozen=True):
    """A constant: its value in 64 bits, the header that defines it, and the tag of its enum, if it has one."""

    value: int
    header: str
    enum: str = ""


class Headers(msgspec.Struct, frozen=True):
    """The headers that were read: their names below uapi/, constants by name, and the text without comments."""

    names: frozenset[str]
    constants: Mapping[str, Constant]
    texts: Mapping[str, str]


def read_headers(texts: Mapping[str, str]) -> Headers:
    """All constants of the headers, given by name ("linux/openat2.h"). Never fails: what has no value is left out."""
    plain = {name: strip_comments(text) for name, text in texts.items()}
    sources: dict[str, tuple[str, str, str]] = {}
    for header, text in plain.items():
        for name, expression in _DEFINE.findall(text):
            sources.setdefault(name, (expression, header, ""))
        for tag, body in _ENUM.findall(text):
            _read_enum(_DIRECTIVE.sub("", body), tag, header, sources)
    values: dict[str, int | None] = {}

    def lookup(name: str, depth: int) -> int | None:
        if name in values:
            return values[name]
        if name not in sources:
            return None
        values[name] = None  # a definition that needs itself has no value
        values[name] = evaluate(sources[name][0], lookup, depth=depth)
        return values[name]

    constants = {}
    for name, (_, header, tag) in sources.items():
        value = lookup(name, 0)
        if value is not None:
            constants[name] = Constant(value, header, tag)
    return Headers(frozenset(plain), constants, plain)


def strip_comments(text: str) -> str:
    """C text without comments, and with continued lines joined."""
    return _COMMENT.sub(" ", text.replace("\r", "").replace("\\\n", " "))


def _read_enum(body: str, tag: str, header: str, sources: dict[str, tuple[str, str, str]]) -> None:
    before = ""
    offset = 0
    for member in body.split(","):
        found = _MEMBER.fullmatch(member)
        if not found:
            continue
        name, expression = found.groups()
        if expression:
            before, offset = name, 0
        else:
            offset += 1
            expression = f"{before} + {offset}" if before else str(offset - 1)
        # An enumerator is often defined again as itself, for #ifdef: the enumerator is the one with a value.
        if name not in sources or sources[name][0].strip() == name:
            sources[name] = (expression, header, tag)

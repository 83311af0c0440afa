# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A scanner of C text that needs no preprocessor: comments and literals blanked in place, brackets, functions.

Every position in blanked text is the same position in the file, so a finding can tell its line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

_NOISE = re.compile(r"/\*.*?(?:\*/|\Z)|//(?:\\\n|[^\n])*|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?", re.DOTALL)
_NOT_NEWLINE = re.compile(r"[^\n]")
_BRACKET = re.compile(r"[()\[\]{}]")
_SPACES = re.compile(r"\s+")
_OPENING = {"(": ")", "[": "]", "{": "}"}
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
_NAME_BEFORE_PAREN = re.compile(r"(\w+)\s*\(")


class Function(NamedTuple):
    """A function's definition: its name, the text between its parentheses, and where head and body begin and end."""

    name: str
    parameters: str
    start: int
    body_start: int
    body_end: int


def decode(content: bytes) -> str:
    """Source text of a file; a few old ones are in Latin-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _blanked(match: re.Match[str]) -> str:
    text = match.group()
    if text[0] == "/":
        return _NOT_NEWLINE.sub(" ", text) if "\n" in text else " " * len(text)
    if len(text) < 3:
        return text if text[0] == text[-1] and len(text) == 2 else " " * len(text)
    return text[0] + _NOT_NEWLINE.sub(" ", text[1:-1]) + (text[0] if text[-1] == text[0] else " ")


def blank(text: str) -> str:
    """The text with comments and the insides of string and character literals replaced by spaces, of equal length."""
    return _NOISE.sub(_blanked, text)


def blank_directives(text: str) -> str:
    """Blanked text without its preprocessor lines, of equal length."""
    return _DIRECTIVE.sub(lambda match: _NOT_NEWLINE.sub(" ", match.group()), text)


def find_close(text: str, opening: int) -> int:
    """The position of the bracket that closes the one at `opening`, in blanked text; -1 where none does."""
    expected: list[str] = []
    for match in _BRACKET.finditer(text, opening):
        bracket = match.group()
        if bracket in _OPENING:
            expected.append(_OPENING[bracket])
        else:
            if not expected or expected.pop() != bracket:
                return -1
            if not expected:
                return match.start()
    return -1


def split_arguments(text: str) -> list[str]:
    """What stands between the commas of an argument list, brackets respected, spaces collapsed."""
    parts: list[str] = []
    depth = start = 0
    for position, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    cleaned = [collapse(part) for part in parts]
    return [] if cleaned == [""] else cleaned


def collapse(text: str) -> str:
    """The text with each run of white space as one space."""
    return _SPACES.sub(" ", text).strip()


def find_body_end(text: str, opening: int) -> int:
    """One past the closing brace of the body that opens at `opening`.

    Conditional compilation may leave brackets unbalanced; then the body ends at the first brace in column 0, as the
    kernel's style has it, and at the end of the text where there is none.
    """
    close = find_close(text, opening)
    margin = text.find("\n}", opening)
    if close < 0 or (margin >= 0 and margin + 1 < close):
        return margin + 2 if margin >= 0 else len(text)
    return close + 1


def find_functions(text: str) -> Iterator[Function]:
    """The functions that are defined in blanked text, each with its body's brace in column 0."""
    end = 0
    position = text.find("\n{")
    while position >= 0:
        head_start = max(end, text.rfind("\n}", 0, position) + 2 if "\n}" in text[end:position] else end)
        head = blank_directives(text[head_start:position])
        cut = max(head.rfind(";"), head.rfind("}")) + 1
        body_end = find_body_end(text, position + 1)
        match = _NAME_BEFORE_PAREN.search(head, cut)
        if match:
            close = find_close(head, match.end() - 1)
            if close > 0 and "=" not in head[cut : match.start()]:
                yield Function(
                    match.group(1),
                    head[match.end() : close],
                    head_start + match.start(),
                    position + 1,
                    body_end,
                )
        end = body_end
        position = text.find("\n{", max(body_end, position + 2))


class Lines:
    """Tells the line, from 1, of a position in a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, position: int) -> int:
        """The line of a position."""
        return bisect_right(self._starts, position)

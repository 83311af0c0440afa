# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Values of C's integer constant expressions, as headers use them; anything else has no value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b|'(.)'|([A-Za-z_]\w*)|(<<|>>|==|!=|<=|>=|&&|\|\||[-+*/%&|^~()!<>,?:]))"
)
_TYPES = {"unsigned", "int", "long", "char", "short", "signed"}
_BITS = {"_BITUL", "_BITULL", "BIT", "BIT_ULL", "_UL", "_ULL", "UL", "ULL", "U"}
_LEVELS: tuple[tuple[str, ...], ...] = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))
_WORD = (1 << 64) - 1
_DEEPEST = 40

_PREFIXES: Mapping[str, Callable[[int], int]] = {"~": lambda value: ~value, "-": lambda value: -value, "+": int}

Lookup = Callable[[str, int], int | None]


class _NoValueError(Exception):
    """The text is not an integer constant expression."""


def evaluate(text: str, lookup: Lookup, *, depth: int = 0) -> int | None:
    """The value of `text` in 64 bits, unsigned; None where it has none.

    `lookup(name, depth)` gives the value of another constant. Casts to integer types are looked through.
    """
    if depth > _DEEPEST:
        return None
    try:
        parser = _Parser(text, lookup, depth)
        value = parser.level(0)
        return value & _WORD if parser.at == len(parser.tokens) else None
    except (_NoValueError, RecursionError):
        return None


def known(values: Mapping[str, int]) -> Lookup:
    """A lookup in a table of values."""
    return lambda name, _depth: values.get(name)


class _Parser:
    def __init__(self, text: str, lookup: Lookup, depth: int) -> None:
        self.lookup = lookup
        self.depth = depth
        self.at = 0
        self.tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                raise _NoValueError
            number, character, name, sign = found.groups()
            self.tokens.append(str(ord(character)) if character else number or name or sign)
            position = found.end()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise _NoValueError
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise _NoValueError

    def level(self, number: int) -> int:
        if number == len(_LEVELS):
            return self.unary()
        value = self.level(number + 1)
        while self.peek() in _LEVELS[number]:
            value = _apply(self.take(), value, self.level(number + 1))
        return value

    def unary(self) -> int:
        word = self.take()
        if word in _PREFIXES:
            return _PREFIXES[word](self.unary())
        if word == "(":
            if self.skip_type():
                return self.unary()
            value = self.level(0)
            self.expect(")")
            return value
        return _number(word) if word[0].isdigit() else self.name(word)

    def skip_type(self) -> bool:
        start = self.at
        while self.peek() in _TYPES or re.fullmatch(r"__?[us]\d+|u?int\d+_t|size_t", self.peek()):
            self.at += 1
        if self.at > start and self.peek() == ")":
            self.at += 1
            return True
        self.at = start
        return False

    def name(self, token: str) -> int:
        if self.peek() == "(" and token in _BITS:
            self.take()
            value = self.level(0)
            self.expect(")")
            return value if "BIT" not in token else _apply("<<", 1, value)
        value_of = self.lookup(token, self.depth + 1)
        if value_of is None:
            raise _NoValueError
        return value_of


def _number(token: str) -> int:
    if token[:2].lower() == "0x":
        return int(token, 16)
    try:
        return int(token, 8) if len(token) > 1 and token[0] == "0" else int(token)
    except ValueError as error:  # 089, or more digits than Python takes
        raise _NoValueError from error


def _apply(sign: str, left: int, right: int) -> int:
    if sign in {"<<", ">>"} and not 0 <= right < 64:
        raise _NoValueError
    if sign in {"/", "%"}:
        if right == 0:
            raise _NoValueError
        return left // right if sign == "/" else left % right
    operations: dict[str, Callable[[], int]] = {
        "|": lambda: left | right,
        "^": lambda: left ^ right,
        "&": lambda: left & right,
        "<<": lambda: (left & _WORD) << right,
        ">>": lambda: (left & _WORD) >> right,
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
    }
    return operations[sign]()

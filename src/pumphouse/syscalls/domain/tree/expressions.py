# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""C integer constant expressions, evaluated without a compiler: what a flag mask or a size macro is worth.

Values are Python integers of any size: `~0x3` is -4, so whoever wants a mask of a word cuts it to the word's width.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

_TOKEN = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:(),.\[\]]|'.')")
_SUFFIX = re.compile(r"[uUlL]*")
_LONGEST = (1 << 64) - 1
_BINARY: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "||": (1, lambda a, b: int(bool(a) or bool(b))),
    "&&": (2, lambda a, b: int(bool(a) and bool(b))),
    "|": (3, lambda a, b: a | b),
    "^": (4, lambda a, b: a ^ b),
    "&": (5, lambda a, b: a & b),
    "==": (6, lambda a, b: int(a == b)),
    "!=": (6, lambda a, b: int(a != b)),
    "<": (7, lambda a, b: int(a < b)),
    ">": (7, lambda a, b: int(a > b)),
    "<=": (7, lambda a, b: int(a <= b)),
    ">=": (7, lambda a, b: int(a >= b)),
    "<<": (8, lambda a, b: a << _places(b)),
    # What is negative here is the complement of an unsigned word: ~0ULL >> 8.
    ">>": (8, lambda a, b: (a if a >= 0 else a & _LONGEST) >> _places(b)),
    "+": (9, lambda a, b: a + b),
    "-": (9, lambda a, b: a - b),
    "*": (10, lambda a, b: a * b),
    "/": (10, lambda a, b: a // b if b else _refuse()),
    "%": (10, lambda a, b: a % b if b else _refuse()),
}
_UNARY: dict[str, Callable[[int], int]] = {
    "~": lambda value: ~value,
    "!": lambda value: int(not value),
    "-": lambda value: -value,
    "+": lambda value: value,
}
_TYPE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "unsigned signed int long short char u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 __u32 __u64 __s8 "
        "__s16 __s32 __s64 size_t ssize_t __force const umode_t __poll_t fmode_t uint64_t uint32_t uint16_t uint8_t "
        "int64_t int32_t int16_t int8_t blk_mode_t rwf_t",
    )
)
_BIT_MACROS = frozenset({"BIT", "BIT_ULL", "_BITUL", "_BITULL"})
_SUFFIX_MACROS = frozenset({"_UL", "_ULL", "UL", "ULL", "U", "_AC"})
_DEPTH_LIMIT = 40
_EXPANSION_LIMIT = 2_000


class NotConstantError(Exception):
    """The expression cannot be worked out from what the tree says."""


class Meanings(Protocol):
    """Where names get their values from."""

    def macro(self, name: str) -> tuple[tuple[str, ...] | None, str] | None:
        """Parameters (None without parentheses) and replacement of a macro."""
        ...

    def enumerator(self, name: str) -> int | None:
        """The value of an enumeration constant."""
        ...

    def size_of(self, what: str) -> int | None:
        """The size of a type in bytes, on 64-bit machines."""
        ...

    def end_of(self, what: str, field: str) -> tuple[int, int] | None:
        """Offset and size of a struct's field in bytes, on 64-bit machines."""
        ...


def _refuse() -> int:
    raise NotConstantError


def _places(number: int) -> int:
    """The number of places of a shift, if a 64-bit word has so many."""
    return number if 0 <= number < 64 else _refuse()


def tokenize(text: str) -> list[str]:
    """The tokens of an expression. Raises NotConstantError at what is none."""
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if not match:
            raise NotConstantError(text)
        word = match.group(1)
        position = match.end()
        if word[0].isdigit():
            suffix = _SUFFIX.match(text, position)
            position = suffix.end() if suffix else position
        tokens.append(word)
    return tokens


def evaluate(text: str, meanings: Meanings) -> int:
    """The value of an expression. Raises NotConstantError where it has none, or nests too deep."""
    try:
        return _Parser(tokenize(text), meanings, _Expansion()).whole()
    except RecursionError as error:
        raise NotConstantError(text) from error


class _Expansion:
    """Where a macro's text comes from: how deep, inside of which macros, and how many there were so far in all."""

    def __init__(self, outer: _Expansion | None = None, name: str = "") -> None:
        self.depth: int = outer.depth + 1 if outer else 0
        self.names: frozenset[str] = outer.names | {name} if outer else frozenset()
        self.count: list[int] = outer.count if outer else [0]
        self.count[0] += 1
        if self.depth > _DEPTH_LIMIT or self.count[0] > _EXPANSION_LIMIT:
            raise NotConstantError


class _Parser:
    def __init__(self, tokens: list[str], meanings: Meanings, expansion: _Expansion) -> None:
        self._tokens = tokens
        self._meanings = meanings
        self._expansion = expansion
        self._at = 0

    def whole(self) -> int:
        value = self._ternary()
        if self._at != len(self._tokens):
            raise NotConstantError
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        word = self._peek()
        if not word or (expected is not None and word != expected):
            raise NotConstantError
        self._at += 1
        return word

    def _ternary(self) -> int:
        condition = self._binary(1)
        if self._peek() != "?":
            return condition
        self._take("?")
        yes = self._ternary()
        self._take(":")
        no = self._ternary()
        return yes if condition else no

    def _binary(self, lowest: int) -> int:
        left = self._unary()
        while (rule := _BINARY.get(self._peek())) is not None and rule[0] >= lowest:
            self._take()
            left = rule[1](left, self._binary(rule[0] + 1))
        return left

    def _unary(self) -> int:
        word = self._take()
        if word in _UNARY:
            return _UNARY[word](self._unary())
        if word[0] == "(":
            return self._parenthesised()
        if word[0].isdigit():
            return _read_number(word)
        if word[0] == "'" and word[1] != " ":  # what is blanked has no value
            return ord(word[1])
        if word.isidentifier():
            return self._name(word)
        raise NotConstantError

    def _parenthesised(self) -> int:
        if self._peek() in _TYPE_WORDS:
            while self._peek() in _TYPE_WORDS:
                self._take()
            self._take(")")
            return self._unary()
        value = self._ternary()
        self._take(")")
        return value

    def _raw_arguments(self) -> list[list[str]]:
        self._take("(")
        arguments: list[list[str]] = [[]]
        depth = 0
        while True:
            word = self._take()
            if word == ")" and depth == 0:
                return arguments
            if word == "," and depth == 0:
                arguments.append([])
                continue
            depth += (word in "([") - (word in ")]")
            arguments[-1].append(word)

    def _inner(self, tokens: list[str], name: str = "") -> int:
        return _Parser(tokens, self._meanings, _Expansion(self._expansion, name)).whole()

    def _name(self, name: str) -> int:
        if self._peek() == "(":
            known = self._builtin(name)
            if known is not None:
                return known
        # As in C, a name is not replaced inside its own replacement: `#define FIVE FIVE` leaves the enumerator.
        macro = None if name in self._expansion.names else self._meanings.macro(name)
        if macro is None:
            return self._known(self._meanings.enumerator(name))
        parameters, replacement = macro
        if parameters is None:
            return self._inner(tokenize(replacement), name)
        arguments = self._raw_arguments()
        if len(arguments) < len(parameters):
            raise NotConstantError
        given = dict(zip(parameters, arguments, strict=False))
        tokens: list[str] = []
        for word in tokenize(replacement):
            tokens += ["(", *given[word], ")"] if word in given else [word]
        return self._inner(tokens)

    def _builtin(self, name: str) -> int | None:
        """The value of a macro that is understood without its definition, None where it is none of those."""
        if name in _BIT_MACROS or name in _SUFFIX_MACROS:
            value = self._inner(self._raw_arguments()[0])
            return 1 << _places(value) if name in _BIT_MACROS else value
        if name in ("GENMASK", "GENMASK_ULL"):
            high, low = (self._inner(argument) for argument in self._two())
            return (1 << ((high & 127) + 1)) - (1 << (low & 127))
        if name == "sizeof":
            return self._known(self._meanings.size_of(" ".join(self._raw_arguments()[0])))
        if name in ("offsetofend", "offsetof", "sizeof_field"):
            first, second = self._two()
            place = self._meanings.end_of(" ".join(first), "".join(second))
            if place is None:
                raise NotConstantError
            return {"offsetof": place[0], "sizeof_field": place[1]}.get(name, sum(place))
        if name in ("IS_ENABLED", "IS_BUILTIN", "defined"):
            self._raw_arguments()
            return 1
        return None

    def _two(self) -> tuple[list[str], list[str]]:
        arguments = self._raw_arguments()
        if len(arguments) != 2:
            raise NotConstantError
        return arguments[0], arguments[1]

    @staticmethod
    def _known(value: int | None) -> int:
        if value is None:
            raise NotConstantError
        return value


def _read_number(text: str) -> int:
    try:
        return int(text, 8) if text[0] == "0" and text.isdigit() else int(text, 0)
    except ValueError as error:
        raise NotConstantError(text) from error

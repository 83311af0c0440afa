# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The control structure of a function's blanked text that matters here: which `if` a position stands under."""

from __future__ import annotations

import re
from typing import NamedTuple

from pumphouse.syscalls.domain.tree.ctext import find_close

_CONTROL = re.compile(r"\b(if|switch)\s*\(")
_ELSE = re.compile(r"\s*else\b")
_WRAPPER = re.compile(r"^(?:unlikely|likely|READ_ONCE|USER_BPFPTR|compat_ptr|USER_SOCKPTR)\s*\(")
_CAST = re.compile(
    r"^\(\s*(?:const\s+)?(?:unsigned\s+|signed\s+)?(?:struct\s+\w+|\w+)(?:\s+\w+)*\s*(?:__user\s*)?\**\s*(?:const)?\s*\)\s*(?=[\w(&*~])"
)
_NUMBER = re.compile(r"-\s*(E[A-Z0-9]+)\b")
_GOTO = re.compile(r"\bgoto\s+(\w+)\s*;")
_SET_BEFORE = re.compile(r"=\s*-\s*(E[A-Z0-9]+)\s*;\s*$")


class Branch(NamedTuple):
    """An `if` or `switch`: its condition, and where condition and what it guards begin and end."""

    kind: str
    condition: str
    start: int
    inner: int  # first position of the guarded text
    end: int
    else_end: int  # equals end where there is no else


def find_branches(text: str) -> list[Branch]:
    """All `if` and `switch` of a body, outer ones before inner ones."""
    found = []
    for match in _CONTROL.finditer(text):
        close = find_close(text, match.end() - 1)
        if close < 0:
            continue
        end = statement_end(text, close + 1)
        else_end = end
        other = _ELSE.match(text, end)
        if other and match.group(1) == "if":
            else_end = statement_end(text, other.end())
        found.append(Branch(match.group(1), text[match.end() : close], match.start(), close + 1, end, else_end))
    return found


def statement_end(text: str, position: int) -> int:
    """One past the statement that begins at a position: a block, an `if` with its else, or up to the semicolon."""
    length = len(text)
    while position < length and text[position].isspace():
        position += 1
    if position >= length:
        return length
    if text[position] == "{":
        close = find_close(text, position)
        return close + 1 if close > 0 else length
    control = re.compile(r"(if|for|while|switch|scoped_guard|do|else)\b").match(text, position)
    if control and control.group(1) in ("if", "for", "while", "switch", "scoped_guard"):
        opening = text.find("(", position)
        close = find_close(text, opening) if opening >= 0 else -1
        if close < 0:
            return length
        end = statement_end(text, close + 1)
        other = _ELSE.match(text, end)
        return statement_end(text, other.end()) if other and control.group(1) == "if" else end
    depth = 0
    for index in range(position, length):
        character = text[index]
        if character in "({[":
            depth += 1
        elif character in ")}]":
            depth -= 1
        elif character == ";" and depth <= 0:
            return index + 1
    return length


def strip_outer(text: str) -> str:
    """An expression without parentheses around all of it, casts before it, and unlikely()."""
    text = text.strip()
    while text:
        wrapper = _WRAPPER.match(text)
        if wrapper and find_close(text, wrapper.end() - 1) == len(text) - 1:
            text = text[wrapper.end() : -1].strip()
        elif text[0] == "(" and find_close(text, 0) == len(text) - 1:
            text = text[1:-1].strip()
        elif ((cast := _CAST.match(text)) and not re.fullmatch(r"\(\s*\w+\s*\)\s*", text[: cast.end()])) or (
            cast and _looks_like_type(text[1 : text.index(")")])
        ):
            text = text[cast.end() :].strip()
        else:
            break
    return text


def _looks_like_type(word: str) -> bool:
    word = word.strip()
    return word.endswith(("_t", "32", "64", "16", "u8")) or word in ("int", "long", "short", "char", "unsigned")


def split_top(text: str, operator: str) -> list[str]:
    """The parts of an expression between an operator outside brackets. `&` does not split `&&`."""
    parts = []
    depth = start = index = 0
    width = len(operator)
    while index < len(text):
        character = text[index]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and text.startswith(operator, index):
            doubled = width == 1 and (text[index + 1 : index + 2] == operator or text[index - 1 : index] == operator)
            if not doubled and text[index + 1 : index + 2] != "=":
                parts.append(text[start:index].strip())
                start = index + width
            index += width - 1
        index += 1
    parts.append(text[start:].strip())
    return parts


def direct_text(text: str, branch: Branch, branches: list[Branch]) -> str:
    """What a branch guards, with the inner branches blanked: what happens whenever its condition holds."""
    guarded = list(text[branch.inner : branch.end])
    for inner in branches:
        if branch.inner <= inner.start < branch.end:
            start, end = inner.start - branch.inner, inner.else_end - branch.inner
            guarded[start:end] = " " * (min(end, len(guarded)) - start)
    return "".join(guarded)


def find_error(text: str, branch: Branch, branches: list[Branch]) -> str:  # noqa: PLR0911  one return for each idiom
    """The error that a branch ends in: EINVAL, or `false` of a helper, or empty where it goes on."""
    guarded = direct_text(text, branch, branches)
    number = _NUMBER.search(guarded)
    leaves = re.search(r"\b(return|goto|break)\b", guarded)
    if number and (leaves or "=" in guarded):
        return number.group(1)
    jump = _GOTO.search(guarded)
    if jump:
        before = _SET_BEFORE.search(text[max(0, branch.start - 120) : branch.start])
        if before:
            return before.group(1)
        label = re.search(rf"\b{jump.group(1)}\s*:(?!:)", text)
        after = _NUMBER.search(text, label.end(), label.end() + 240) if label else None
        if after:
            return after.group(1)
        earlier: list[str] = re.findall(r"=\s*-\s*(E[A-Z0-9]+)\s*;", text[: branch.start])
        return earlier[-1] if earlier else ""
    if re.search(r"\breturn\s+(false|0)\s*;", guarded) and "return false" in guarded:
        return "false"
    if re.search(r"\breturn\b", guarded):
        before = _SET_BEFORE.search(text[max(0, branch.start - 120) : branch.start])
        returned = re.search(r"\breturn\s+(\w+)\s*;", guarded)
        if returned:
            if before:
                return before.group(1)
            declared: list[str] = re.findall(
                rf"\b{returned.group(1)}\s*=\s*-\s*(E[A-Z0-9]+)\s*[;,]", text[: branch.start]
            )
            if declared and returned.group(1) not in ("0", "true"):
                return declared[-1]
    return ""


_COMPARISON = re.compile(r"(<=|>=|==|!=|(?<![<>-])<(?!<)|(?<![<>-])>(?!>))")


def split_comparison(text: str) -> tuple[str, str, str] | None:
    """Left side, operator and right side of a comparison outside brackets; None where there is none."""
    for match in _COMPARISON.finditer(text):
        before = text[: match.start()]
        if before.count("(") == before.count(")") and before.count("[") == before.count("]"):
            if match.group(1) == ">" and before.endswith("-"):
                continue
            return before.strip(), match.group(1), text[match.end() :].strip()
    return None

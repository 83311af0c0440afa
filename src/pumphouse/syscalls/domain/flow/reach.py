# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What holds inside one function: which positions are reached, what is constant, what a callee brings back."""

from __future__ import annotations

import re

from pumphouse.syscalls.domain.flow.records import Frame, label_path, path_of
from pumphouse.syscalls.domain.statements import Branch, strip_outer

_CONSTANT = re.compile(r"[\w\s|~()<&+*,-]+")
_LOWER_CALL = re.compile(r"\b(?!sizeof|offsetof)[a-z]\w*\s*\(")
_LOWER_NAME = re.compile(r"\b(?!sizeof|offsetof|typeof|struct\b|union\b)[a-z]\w*\b")


def bring_back(frame: Frame, callee: Frame, parameter: str, argument: str) -> None:
    """What a function learned of what a pointer points to holds for its caller too."""
    path = path_of(argument)
    if path is None:
        return
    for inner, label in callee.labels.items():
        if inner[0] != parameter:
            continue
        if len(inner) > 1 or (label[0] not in "*=" and argument.lstrip().startswith("&")):
            frame.labels[(*path, *inner[1:])] = label
        elif label[0] == "@" and label_path(frame.labels, path)[:1] != "@":
            frame.labels[path] = label


def constant_label(argument: str) -> str:
    """The label of an argument that decides branches below: `=true`; empty for others."""
    return f"={argument}" if argument in ("true", "false", "NULL", "0", "1") else ""


def is_constant(text: str) -> bool:
    """Whether an expression is made of literals, macros, sizeof and offsetofend only."""
    if not text or not _CONSTANT.fullmatch(text) or _LOWER_CALL.search(text):
        return False
    plain = re.sub(r"\b(?:sizeof|offsetof|offsetofend)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)", "", text)
    return not _LOWER_NAME.search(re.sub(r"\(\s*(?:u|s|__u|__s)(?:8|16|32|64)\s*\)", "", plain))


def reach(frame: Frame, position: int, branches: list[Branch]) -> str:
    """Whether a position is reached always, maybe, or (by constants handed to the function) is dead."""
    state = "always"
    for branch in branches:
        if branch.start > position:
            break
        if branch.inner <= position < branch.end:
            truth = _truth(frame, branch)
        elif branch.end <= position < branch.else_end:
            truth = {"yes": "no", "no": "yes"}.get(_truth(frame, branch), "maybe")
        else:
            continue
        if truth == "no":
            return "dead"
        if truth == "maybe":
            state = "maybe"
    return state


def _truth(frame: Frame, branch: Branch) -> str:
    if branch.kind == "switch":
        return "maybe"
    text = strip_outer(branch.condition)
    name = text.lstrip("!").strip()
    label = frame.labels.get((name,), "")
    if not label.startswith("=") or text.count("!") > 1:
        return "maybe"
    return "yes" if (label[1:] in ("true", "1")) != text.startswith("!") else "no"


def value_end(text: str, start: int) -> int:
    """Where the value that begins at a position ends: at its semicolon, or at a comma outside brackets."""
    depth = 0
    for index in range(start, len(text)):
        character = text[index]
        if character in "({[":
            depth += 1
        elif character in ")}]":
            if depth == 0:
                return index
            depth -= 1
        elif character in ";," and depth == 0:
            return index
    return len(text)

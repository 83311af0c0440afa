# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What following a system call is told in: words, labels and events.

A *word* is an argument by its name (`flags`), the size of a struct (`usize`), or a field of a struct that was copied in
(`open_how.flags`). A *label* says what is known of an expression: a word; `*name`, the caller's pointer of that name;
`@tag`, a struct that was copied in; `=value`, a constant. A word that get_user() read by itself, before its struct was
copied, ends in `!`: the copy may hold another value.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pumphouse.syscalls.domain.statements import strip_outer

Path = tuple[str, ...]

_NAME = r"[A-Za-z_]\w*(?:\[[^\]]*\])?"
_PATH = re.compile(rf"^[*&]?\s*({_NAME}(?:\s*(?:->|\.)\s*{_NAME})*)$")
_INDEX = re.compile(r"\[[^\]]*\]")
_JOIN = re.compile(r"\s*(?:->|\.)\s*")
_TAG = re.compile(r"\b(?:struct|union)\s+(\w+)")


class Event(NamedTuple):
    """Something that happens to a word. `order` rises in the order of execution as far as the text tells it.

    kind: mask (what: the expression of the refused bits), zero (must be 0), enum (what: the values), range (what: the
    comparison), strip (what: the expression that is kept), narrow (a part is taken for use), copy, out, tail, fetch
    (get_user of a field), effect (what: the function that changes something), pass (what: the bits with which the
    function returns before), unknown (what: the function that could not be followed). `error` is the error's name; of
    copies it is the word of the size, or `=expression`.
    """

    kind: str
    word: str
    what: str
    error: str
    conditional: bool
    file: str
    line: int
    function: str
    order: int
    local: bool = False  # conditional in its own function; `conditional` also counts how that was reached


class Frame(NamedTuple):
    """A function that is being followed. `offset` is where its text begins in the file."""

    name: str
    file: str
    text: str
    offset: int
    labels: dict[Path, str]
    constants: dict[str, str]
    types: dict[str, str]
    conditional: bool
    depth: int


class At(NamedTuple):
    """Where in a frame something is noted, with which error, and whether it is reached only sometimes."""

    position: int
    error: str
    conditional: bool

    def sometimes(self) -> At:
        """The same, under a condition."""
        return self._replace(conditional=True)


def path_of(expression: str) -> Path | None:
    """The path of a plain expression: `&how->flags` is ("how", "flags"); indexes fall away; None for anything else."""
    match = _PATH.match(expression) or _PATH.match(strip_outer(expression))
    return tuple(_JOIN.split(_INDEX.sub("", match.group(1)))) if match else None


def label_of(labels: dict[Path, str], expression: str) -> str:
    """What is known of an expression; the empty string where nothing is."""
    path = path_of(expression)
    return label_path(labels, path) if path else ""


def word_of(labels: dict[Path, str], expression: str) -> str:
    """The word that an expression is; the empty string where it is none."""
    label = label_of(labels, expression)
    return label if label and label[0] not in "*@=" else ""


def label_path(labels: dict[Path, str], path: Path) -> str:
    """As `label_of`, of a path; fields of a known struct get `tag.field`."""
    for length in range(len(path), 0, -1):
        label = labels.get(path[:length])
        if label is not None:
            if length == len(path):
                return label
            if label.startswith("@"):
                return f"{label[1:]}.{'.'.join(path[length:])}"
            return ""
    return ""


def tag_of(ctype: str) -> str:
    """The tag in a type: open_how of `const struct open_how __user *`."""
    match = _TAG.search(ctype)
    return match.group(1) if match else ""

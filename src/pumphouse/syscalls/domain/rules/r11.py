# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R11: new fds can be close-on-exec, paths come with a directory fd, 64-bit arguments stand in even places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree.ctext import find_close, split_arguments
from pumphouse.syscalls.domain.tree.records import Definition

_MAKES_FD = re.compile(r"\b(anon_inode_getfd|anon_inode_getfd_secure|get_unused_fd_flags)\s*\(")
_PATH = re.compile(r"^(?:path|pathname|filename|fname)\d?$|_path(?:name)?$")
_FOLDER = re.compile(r"fd$|^dfd|^at$")
_WIDE = frozenset({"u64", "__u64", "s64", "__s64", "loff_t", "unsigned long long", "long long"})


def _check(subject: Subject) -> Iterator[Hit]:
    for name, definition in subject.new_calls.items():
        yield from _check_fd(subject, name, definition)
        yield from _check_path(name, definition)
        yield from _check_empty_path(subject, name)
        yield from _check_words(subject, name, definition)


def _check_fd(subject: Subject, name: str, definition: Definition) -> Iterator[Hit]:
    for match in _MAKES_FD.finditer(definition.body):
        close = find_close(definition.body, match.end() - 1)
        arguments = split_arguments(definition.body[match.end() : close])
        flags = arguments[-1] if match.group(1) != "anon_inode_getfd_secure" else (arguments[-2:] or [""])[0]
        if "O_CLOEXEC" in flags or re.search(r"[a-z]", flags):
            continue
        line = subject.tree.sources.line(definition.file, definition.body_start + match.start())
        yield Hit(
            ERROR,
            definition.file,
            line,
            name,
            f"{name}: the new fd is not close-on-exec and nothing can ask for it",
            f"{match.group(1)}(..., O_CLOEXEC), or a flag for it",
        )


def _check_path(name: str, definition: Definition) -> Iterator[Hit]:
    before: list[str] = []
    for argument in definition.arguments:
        is_path = "char __user" in argument.ctype and "*" in argument.ctype and _PATH.search(argument.name)
        if is_path and not any(_FOLDER.search(other) for other in before):
            yield Hit(
                WARNING,
                definition.file,
                definition.line,
                name,
                f"{name}: {argument.name} has no directory fd before it",
                "take `int dfd` before the path, and AT_EMPTY_PATH in the flags",
            )
        before.append(argument.name)


def _check_empty_path(subject: Subject, name: str) -> Iterator[Hit]:
    """Who takes AT_SYMLINK_NOFOLLOW for a path takes AT_EMPTY_PATH too, so that an fd can stand for the file."""
    headers = subject.tree.headers
    follow, empty = headers.value("AT_SYMLINK_NOFOLLOW"), headers.value("AT_EMPTY_PATH")
    if follow is None or empty is None or name not in subject.tree.traces:
        return
    for word in subject.words(name).values():
        if "." in word.word or not word.mask or not word.mask & follow or word.mask & empty:
            continue
        macro = headers.macro(word.expression.strip("()~ "), word.file)
        if "AT_SYMLINK_NOFOLLOW" in word.expression + (macro.replacement if macro else ""):
            yield Hit(
                WARNING,
                word.file,
                word.line,
                name,
                f"{name}: {word.word} has AT_SYMLINK_NOFOLLOW, but not AT_EMPTY_PATH",
                "accept AT_EMPTY_PATH: the dfd itself is then the file",
            )
            return


def _check_words(subject: Subject, name: str, definition: Definition) -> Iterator[Hit]:
    for place, argument in enumerate(definition.arguments):
        if argument.ctype in _WIDE and place % 2 == 1 and name not in subject.tree.compats:
            yield Hit(
                ERROR,
                definition.file,
                definition.line,
                name,
                f"{name}: the 64-bit {argument.name} is argument {place + 1}: 32-bit machines need a register between",
                "put it into an odd place (first, third, fifth), or into a struct",
            )


RULE = Rule(
    11,
    "new fds can be close-on-exec, paths come with a directory fd, 64-bit arguments in even registers",
    "an fd leaks into a program that is started at that moment; a path alone races; pairs of registers must be even",
    "see the page of this rule",
    _check,
)

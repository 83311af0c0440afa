# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R12: what a call accepts is stated once, by a name, and told: selftest, documentation, sys_features entry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import STRUCT_COPIERS
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree.ctext import decode
from pumphouse.syscalls.domain.tree.tables import GENERIC_TABLE

SELFTESTS = "tools/testing/selftests"
GUIDE = "Documentation/process/adding-syscalls.rst"
_USE = rb"\b(?:(?:__NR_|SYS_|sys_)%b\b|%b\()"
_DESCRIBED = re.compile(r"\bSYSCALL_FEATURES(?:_OFF)?\s*\(\s*(\w+)")


def _check(subject: Subject) -> Iterator[Hit]:
    yield from _check_masks(subject)
    yield from _check_selftests(subject)
    yield from _check_guide(subject)
    yield from _check_features(subject)


def _check_masks(subject: Subject) -> Iterator[Hit]:
    for item in {entry.call: entry for is_new, entry in subject.structs if is_new}.values():
        if item.call not in subject.new_calls:
            continue
        for word in subject.words(item.call).values():
            if "." in word.word and "flag" in word.word and word.mask and not word.named:
                yield Hit(
                    WARNING,
                    word.file,
                    word.line,
                    item.call,
                    f"{item.call}: the valid bits of {word.word} ({word.mask:#x}) are an expression, not one macro",
                    "define NAME_VALID_FLAGS and use it where it is checked and where it is told",
                )


def _check_selftests(subject: Subject) -> Iterator[Hit]:
    left = {name.encode() for name in subject.new_calls}
    some = False
    for path in subject.tree.files.walk(SELFTESTS, (".c", ".h", ".S")):
        some = True
        content = subject.tree.files.read(path) or b""
        left -= {name for name in left if name in content and re.search(_USE % (name, name), content)}
    for name in sorted(name.decode() for name in left) if some else ():
        definition = subject.new_calls[name]
        if not definition.file.startswith("arch/"):
            yield Hit(
                WARNING,
                definition.file,
                definition.line,
                name,
                f"{name}: nothing in {SELFTESTS} calls it",
                "add a selftest: sizes, tails, unknown flags",
            )


def _check_guide(subject: Subject) -> Iterator[Hit]:
    """The kernel's own guide to adding calls, where the tree has left it behind."""
    content = subject.tree.files.read(GUIDE)
    if content is None:
        return
    lines = decode(content).split("\n")
    text = "\n".join(lines)

    def line_of(word: str) -> int:
        return next((number for number, line in enumerate(lines, 1) if word in line), 1)

    if subject.tree.files.read(GENERIC_TABLE) is not None and GENERIC_TABLE not in text:
        yield Hit(
            WARNING,
            GUIDE,
            line_of("asm-generic/unistd.h"),
            "",
            "the guide sends numbers to include/uapi/asm-generic/unistd.h; this tree reads scripts/syscall.tbl",
            "describe scripts/syscall.tbl and the ABI lists of Makefile.syscalls",
        )
    if "copy_struct_from_user" not in text and subject.tree.copier_paths:
        yield Hit(
            WARNING,
            GUIDE,
            line_of("u32 size"),
            "",
            "the guide teaches a size inside the struct and never names copy_struct_from_user",
            "teach a size_t argument beside the pointer, and copy_struct_from_user",
        )


def _check_features(subject: Subject) -> Iterator[Hit]:
    """Where the tree has descriptors for sys_features, each call with a struct that can grow has one."""
    described: set[str] = set()
    for file in {definition.file for definition in subject.calls.values()}:
        text = subject.tree.sources.text(file)
        if "SYSCALL_FEATURES" in text:
            described |= set(_DESCRIBED.findall(text))
    if not described:
        return
    for is_new, item in subject.structs:
        if is_new and item.call in subject.calls and item.copier in STRUCT_COPIERS and item.call not in described:
            yield Hit(
                ERROR,
                item.file,
                item.line,
                item.call,
                f"{item.call} has no SYSCALL_FEATURES entry, others have",
                f"SYSCALL_FEATURES({item.call}, struct {item.tag}, ...) above its SYSCALL_DEFINE",
            )


RULE = Rule(
    12,
    "what a call accepts is stated once, by a name, and told",
    "what is written twice differs after a while; what is written nowhere is guessed by every library",
    "name the mask, test it, describe it",
    _check,
)

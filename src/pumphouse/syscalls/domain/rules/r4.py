# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R4: a struct that can grow has a *_SIZE_VERn macro for each version, and the build checks them.

The sizes are compared three ways: the macros with the layout of the struct as the header declares it, with what the
BUILD_BUG_ONs and static_asserts of the code say, and with the BTF of a vmlinux where one is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pumphouse.syscalls.domain.extensible import STRUCT_COPIERS, Extensible, layout_of
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree.ctext import collapse, find_close

_ASSERTION = re.compile(r"\b(BUILD_BUG_ON(?:_MSG)?|static_assert)\s*\(")
_COMPARED = re.compile(r"^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$")


class Assertion(NamedTuple):
    """A check of the build: the text on its two sides, and where it stands."""

    left: str
    operator: str
    right: str
    file: str
    line: int


def _check(subject: Subject) -> Iterator[Hit]:
    seen = set()
    for is_new, item in subject.structs:
        if item.tag and item.copier in STRUCT_COPIERS and item.tag not in seen and layout_of(subject.tree, item.tag):
            seen.add(item.tag)
            for hit in _check_struct(subject, item):
                yield hit if is_new else hit._replace(severity="legacy")


def _check_struct(subject: Subject, item: Extensible) -> Iterator[Hit]:
    tree = subject.tree
    place = tree.headers.place(item.tag) or tree.headers.place(item.tag, "union")
    file, line = (place.file, place.line) if place else (item.file, item.line)
    if not item.versions:
        if file.startswith("include/uapi/"):
            yield Hit(
                WARNING,
                file,
                line,
                item.call,
                f"struct {item.tag} has no *_SIZE_VER0: nobody can name the size that old binaries have",
            )
        return
    yield from _check_chain(item)
    if item.size and item.versions[-1].size and item.versions[-1].size != item.size:
        last = item.versions[-1]
        yield Hit(
            ERROR,
            last.file,
            last.line,
            item.call,
            f"{last.macro} is {last.size}, but struct {item.tag} has {item.size} bytes",
            "add the macro of the new version, or take the new field out",
        )
    yield from _check_assertions(subject, item)
    yield from _check_btf(subject, item, file, line)


def _check_chain(item: Extensible) -> Iterator[Hit]:
    if [version.number for version in item.versions] != list(range(len(item.versions))):
        numbers = ", ".join(str(version.number) for version in item.versions)
        first = item.versions[0]
        yield Hit(
            ERROR, first.file, first.line, item.call, f"the versions of struct {item.tag} are {numbers}: one is missing"
        )
    for older, newer in zip(item.versions, item.versions[1:], strict=False):
        if older.size and newer.size and newer.size <= older.size:
            yield Hit(
                ERROR,
                newer.file,
                newer.line,
                item.call,
                f"{newer.macro} is {newer.size}, not more than {older.macro} with {older.size}",
                "a version only adds fields at the end",
            )


def _check_assertions(subject: Subject, item: Extensible) -> Iterator[Hit]:
    found = assertions_of(subject, item)
    tied: set[int] = set()
    for version in item.versions:
        for assertion in found:
            if not re.search(rf"\b{version.macro}\b", assertion.right):
                continue
            value = subject.tree.headers.value(assertion.left, assertion.file)
            if assertion.operator in ("!=", "=="):
                tied.add(version.number)
                if value is not None and version.size is not None and value != version.size:
                    yield Hit(
                        ERROR,
                        assertion.file,
                        assertion.line,
                        item.call,
                        f"{collapse(assertion.left)} is {value}, {version.macro} is {version.size}: this cannot build",
                    )
    latest = item.versions[-1]
    if latest.number not in tied and not any("LATEST" in assertion.right for assertion in found):
        yield Hit(
            WARNING,
            item.file,
            item.line,
            item.call,
            f"no BUILD_BUG_ON ties {latest.macro} to struct {item.tag}: it can grow without a new version",
            f"BUILD_BUG_ON(sizeof(struct {item.tag}) != {latest.macro}); beside the copy",
        )
    loose = [version.macro for version in item.versions[:-1] if version.number not in tied]
    if loose:
        yield Hit(
            WARNING,
            item.file,
            item.line,
            item.call,
            f"no BUILD_BUG_ON ties {', '.join(loose)} to the last field of that version",
            f"BUILD_BUG_ON(offsetofend(struct {item.tag}, FIELD) != {loose[0]}); beside the copy",
        )


def assertions_of(subject: Subject, item: Extensible) -> list[Assertion]:
    """What the build checks of a struct, in the file of its copier and in the call's own."""
    tree = subject.tree
    files = {item.file}
    if item.call in tree.natives:
        files.add(tree.natives[item.call].file)
    found = []
    for file in sorted(files):
        text = tree.sources.text(file)
        for match in _ASSERTION.finditer(text):
            close = find_close(text, match.end() - 1)
            inside = collapse(text[match.end() : close])
            compared = _COMPARED.match(inside)
            if not compared:
                continue
            left, operator, right = compared.groups()
            if re.search(r"\bsizeof\s*\(\s*\*?(\w+)\s*\)", left) and f"struct {item.tag}" not in left:
                left = _name_type(subject, file, match.start(), left, item.tag)
            if f" {item.tag}" in left or f"({item.tag}" in left:
                right = right.partition(",")[0]
                found.append(Assertion(left, operator, right, file, tree.sources.line(file, match.start())))
    return found


def _name_type(subject: Subject, file: str, position: int, left: str, tag: str) -> str:
    """`sizeof(addfd)` written with the type that the function declares for it."""
    variable = re.search(r"\bsizeof\s*\(\s*\*?(\w+)\s*\)", left)
    if not variable:
        return left
    for function in subject.tree.sources.functions(file).values():
        if function.body_start < position < function.body_end:
            text = function.parameters + subject.tree.sources.text(file)[function.body_start : position]
            if re.search(rf"\bstruct\s+{tag}\s+\*?{variable.group(1)}\b", text):
                return f"sizeof(struct {tag})"
    return left


def _check_btf(subject: Subject, item: Extensible, file: str, line: int) -> Iterator[Hit]:
    known = subject.btf.struct(item.tag) if subject.btf else None
    if known is None or item.size is None:
        return
    if known.size != item.size:
        yield Hit(
            ERROR,
            file,
            line,
            item.call,
            f"struct {item.tag} has {item.size} bytes in the header, {known.size} in the BTF",
            "give the vmlinux that was built of this tree",
        )
    layout = layout_of(subject.tree, item.tag)
    for field in layout.fields if layout else ():
        if not field.name or field.bits or "." in field.name:
            continue
        end = known.end_of(field.name)
        if end is not None and end != field.offset + field.size:
            yield Hit(
                ERROR,
                file,
                line,
                item.call,
                f"{item.tag}.{field.name} ends at {field.offset + field.size} in the header, at {end} in the BTF",
                "give the vmlinux that was built of this tree",
            )


RULE = Rule(
    4,
    "each version of a struct has a *_SIZE_VERn, and the build checks it",
    "old binaries pass old sizes for ever; without a name and a check a field can move, or a version go unnoticed",
    "define NAME_SIZE_VER0 beside the struct, one macro for each version, and BUILD_BUG_ON each, as clone3 does",
    _check,
)

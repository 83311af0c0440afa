# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Patches: read from a plain diff or from posted mails, and applied over a tree in memory.

A posted series is an mbox: its mails are put in the order of their `[PATCH n/m]`, cover letters have no diff; bodies
may be quoted-printable or base64. Hunks are placed by their lines, near where they say they belong, without fuzz.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.message import Message
from typing import NamedTuple

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.tree.files import Files

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_FROM = re.compile(rb"^From [^\n]*\n(?=[A-Za-z-]+:)", re.MULTILINE)
_ORDER = re.compile(r"\[[^\]]*?(\d+)\s*/\s*\d+[^\]]*\]")
_SEARCH_LINES = 2000


class Hunk(NamedTuple):
    """A hunk: the line where it begins in the old file, and its lines with their signs."""

    old_start: int
    lines: tuple[str, ...]

    @property
    def old(self) -> list[str]:
        """The lines that must be there."""
        return [line[1:] for line in self.lines if line[0] in " -"]

    @property
    def new(self) -> list[str]:
        """The lines that are there afterwards."""
        return [line[1:] for line in self.lines if line[0] in " +"]


class FilePatch(NamedTuple):
    """What a patch does to one file. A new file has no old path, a removed one no new path."""

    old_path: str
    new_path: str
    hunks: tuple[Hunk, ...]


class Applied(NamedTuple):
    """Changed files (None: removed), and the lines of the new files that the patch added or whose neighbour it took."""

    files: dict[str, bytes | None]
    touched: dict[str, set[int]]


def read_patch(data: bytes, *, where: str = "the patch") -> list[FilePatch]:
    """The files that a diff or an mbox of patches changes, in order. Raises UserError where there is no diff in it."""
    texts = [_text(part) for part in _mails(data)] if _is_mail(data) else [data.decode(errors="replace")]
    patches = [patch for text in texts for patch in _read_diff(text, where)]
    if not patches:
        raise UserError(
            "there is no diff in the patch",
            where=where,
            why="no line begins with `--- ` followed by `+++ ` and a hunk `@@ -a,b +c,d @@`",
            next_step="give a unified diff (git diff, git format-patch), or the mails as an mbox",
        )
    return patches


def _is_mail(data: bytes) -> bool:
    head = data.lstrip()[:4000]
    return head.startswith(b"From ") or bool(re.match(rb"(?:[A-Za-z-]+: [^\n]*\n(?:[ \t][^\n]*\n)*){2}", head))


def _mails(data: bytes) -> list[Message]:
    starts = [match.start() for match in _FROM.finditer(data)] or [0]
    parts = [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]
    mails = []
    for part in parts:
        text = part.partition(b"\n")[2] if part.startswith(b"From ") else part
        mails.append(email.message_from_bytes(text, policy=email.policy.compat32))
    numbered = []
    for place, mail in enumerate(mails):
        order = _ORDER.search(re.sub(r"\s+", " ", str(mail.get("Subject", ""))))
        numbered.append((int(order.group(1)) if order else place, place, mail))
    return [mail for _, _, mail in sorted(numbered, key=lambda entry: entry[:2])]


def _text(mail: Message) -> str:
    texts = []
    for part in mail.walk():
        if part.get_content_maintype() in ("text", "application") and not part.is_multipart():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and b"@@" in payload:
                texts.append(payload.decode(errors="replace").replace("\r\n", "\n"))
    return "\n".join(texts)


def _read_diff(text: str, where: str) -> list[FilePatch]:
    lines = text.split("\n")
    patches: list[FilePatch] = []
    place = 0
    while place < len(lines) - 1:
        if not (lines[place].startswith("--- ") and lines[place + 1].startswith("+++ ")):
            place += 1
            continue
        old, new = _path(lines[place]), _path(lines[place + 1])
        place += 2
        hunks = []
        while place < len(lines) and (match := _HUNK.match(lines[place])):
            hunk, place = _read_hunk(lines, place + 1, match, f"{where}: {new or old}")
            hunks.append(hunk)
        if hunks:
            patches.append(FilePatch(old, new, tuple(hunks)))
    return patches


def _read_hunk(lines: list[str], place: int, match: re.Match[str], where: str) -> tuple[Hunk, int]:
    old_left = 1 if match.group(2) is None else int(match.group(2))
    new_left = 1 if match.group(4) is None else int(match.group(4))
    found: list[str] = []
    while (old_left > 0 or new_left > 0) and place < len(lines):
        line = lines[place] or " "  # mailers strip the space of an empty context line
        if line[0] == "\\":
            place += 1
            continue
        if line[0] not in " +-":
            break
        old_left -= line[0] in " -"
        new_left -= line[0] in " +"
        found.append(line)
        place += 1
    if old_left or new_left:
        raise UserError(
            "a hunk of the patch is cut or damaged",
            where=f"{where}, {match.group()}",
            why=f"{old_left} old and {new_left} new lines do not fit what its head announces",
            next_step="fetch the patch anew; mail programs break long lines",
        )
    return Hunk(int(match.group(1)), tuple(found)), place


def _path(line: str) -> str:
    name = line[4:].split("\t", maxsplit=1)[0].strip().strip('"')
    if name == "/dev/null":
        return ""
    return name.partition("/")[2] if name.startswith(("a/", "b/")) else name


def apply_patches(files: Files, patches: list[FilePatch], *, where: str = "the patch") -> Applied:
    """The files of a tree after patches, in memory. Raises UserError with file and hunk where one does not apply."""
    changed: dict[str, bytes | None] = {}
    touched: dict[str, set[int]] = {}
    for patch in patches:
        before = b""
        if patch.old_path:
            content = changed[patch.old_path] if patch.old_path in changed else files.read(patch.old_path)
            if content is None:
                raise UserError(
                    "the patch changes a file that the tree does not have",
                    where=f"{where}: {patch.old_path}",
                    next_step="give the tree that the patch was made for",
                )
            before = content
        lines, marks = _apply(before.decode(errors="surrogateescape").split("\n"), patch, touched, where)
        if patch.old_path and patch.old_path != patch.new_path:
            changed[patch.old_path] = None
            touched.pop(patch.old_path, None)
        if patch.new_path:
            changed[patch.new_path] = "\n".join(lines).encode(errors="surrogateescape")
            touched[patch.new_path] = marks
    return Applied(changed, touched)


def _apply(lines: list[str], patch: FilePatch, touched: dict[str, set[int]], where: str) -> tuple[list[str], set[int]]:
    """The lines after a file's hunks, and the numbers (from 1) of those that this and earlier patches touched."""
    marks = set(touched.get(patch.old_path, ()))
    shift = floor = 0
    for number, hunk in enumerate(patch.hunks, 1):
        old = hunk.old
        wanted = max(hunk.old_start - 1, 0) + shift if old else hunk.old_start + shift
        place = _find(lines, old, wanted, floor)
        if place < 0:
            raise UserError(
                "a hunk of the patch does not apply",
                where=f"{where}: {patch.new_path or patch.old_path}, hunk {number} at line {hunk.old_start}",
                why="the lines that it names are not in the file",
                next_step="give the tree that the patch was made for",
            )
        new = hunk.new
        growth = len(new) - len(old)
        marks = {mark if mark <= place else mark + growth for mark in marks if not place < mark <= place + len(old)}
        at = place
        for line in hunk.lines:
            if line[0] == "+":
                at += 1
                marks.add(at)
            elif line[0] == " ":
                at += 1
            else:
                marks.add(at + 1)  # something was taken out just before this line
        lines[place : place + len(old)] = new
        shift += growth + (place - wanted)
        floor = place + len(new)
    return lines, marks


def _find(lines: list[str], old: list[str], wanted: int, floor: int) -> int:
    """Where lines stand, nearest to where they are wanted, not before `floor`; -1 where they do not."""
    if not old:
        return min(max(wanted, floor), len(lines))
    for distance in range(_SEARCH_LINES):
        for place in {wanted - distance, wanted + distance}:
            if floor <= place <= len(lines) - len(old) and lines[place : place + len(old)] == old:
                return place
    return -1

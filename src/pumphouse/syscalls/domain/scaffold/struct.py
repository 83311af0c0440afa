# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Laying out a struct so that all architectures agree: natural alignment, and padding that has a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pumphouse.syscalls.domain.scaffold.spec import Field

CTYPES = {"u8": "__u8", "u16": "__u16", "u32": "__u32", "s32": "__s32", "u64": "__aligned_u64"}
_PADDING = {1: "u8", 2: "u16", 4: "u32"}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A field with its place in bytes. A reserved one is padding and must be zero."""

    field: Field
    offset: int
    reserved: bool = False

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.field.size


def lay_out(fields: Iterable[Field], *, start: int = 0, reserved: int = 0) -> list[Member]:
    """The members of a struct, or of what is appended to one of `start` bytes with `reserved` paddings.

    The end is a multiple of 8, as sizes of versions are.
    """
    members: list[Member] = []
    offset = start
    for field in fields:
        pads = _fill(offset, -offset % field.size, reserved)
        reserved += len(pads)
        members += pads
        offset = pads[-1].end if pads else offset
        members.append(Member(field=field, offset=offset))
        offset += field.size
    return members + _fill(offset, -offset % 8, reserved)


def _fill(offset: int, gap: int, reserved: int) -> list[Member]:
    pads: list[Member] = []
    while gap:
        size = next(size for size in (4, 2, 1) if size <= gap and offset % size == 0)
        reserved += 1
        name = f"__reserved{reserved}"
        pads.append(Member(field=Field(name=name, type=_PADDING[size]), offset=offset, reserved=True))
        offset, gap = offset + size, gap - size
    return pads


def write_members(members: Sequence[Member]) -> list[str]:
    """The lines of a struct's definition."""
    lines = []
    for member in members:
        ctype = CTYPES[member.field.type]
        gap = "\t" if len(ctype) > 7 else "\t\t"
        lines.append(f"\t{ctype}{gap}{member.field.name};")
    return lines

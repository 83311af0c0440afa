# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Struct layouts from BTF, the type information that kernels carry: raw (/sys/kernel/btf/vmlinux) or in a vmlinux.

Format: Documentation/bpf/btf.rst. Only what layouts need is read; of 130,000 types that takes about a second.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from pumphouse.core.errors import UserError

_MAGIC = 0xEB9F
_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = range(1, 12)
_FUNC, _FUNC_PROTO, _VAR, _DATASEC, _FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(12, 20)
_FIXED_EXTRA = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_EACH_EXTRA = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _FUNC_PROTO: 8, _DATASEC: 12, _ENUM64: 12}
_THROUGH = frozenset({_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG})


class Member(NamedTuple):
    """A member: its place and size in bits."""

    name: str
    offset_bits: int
    size_bits: int


class BtfStruct(NamedTuple):
    """A struct or union: its size in bytes, its members with those of anonymous ones in their place."""

    name: str
    size: int
    members: tuple[Member, ...]

    def end_of(self, name: str) -> int | None:
        """The byte after a member, None where there is none of this name."""
        for member in self.members:
            if member.name == name:
                return (member.offset_bits + member.size_bits + 7) // 8
        return None


class Btf:
    """The types of one kernel. Made by `read_btf` or `parse_btf`."""

    def __init__(self, data: bytes, order: str, starts: list[int], strings: bytes) -> None:
        self._data = data
        self._order = order
        self._starts = starts  # of type 1 on
        self._strings = strings
        self._by_name: dict[tuple[str, int], int] = {}
        for index, start in enumerate(starts, 1):
            name, info = struct.unpack_from(order + "II", data, start)
            kind = (info >> 24) & 0x1F
            if name and kind in (_STRUCT, _UNION):
                self._by_name.setdefault((self._string(name), kind), index)

    def __len__(self) -> int:
        return len(self._starts)

    def struct(self, name: str) -> BtfStruct | None:
        """The struct or union of this name, None where there is none. Raises UserError where its types are damaged."""
        index = self._by_name.get((name, _STRUCT)) or self._by_name.get((name, _UNION))
        if index is None:
            return None
        _, _, size = self._head(index)
        return BtfStruct(name, size, tuple(self._members(index, 0, 0)))

    def _string(self, offset: int) -> str:
        end = self._strings.find(b"\0", offset)
        if offset >= len(self._strings) or end < 0:
            raise _damaged(f"string at {offset}")
        return self._strings[offset:end].decode(errors="replace")

    def _head(self, index: int) -> tuple[int, int, int]:
        """Name, info, and size or type of a type."""
        if not 1 <= index <= len(self._starts):
            raise _damaged(f"type {index}")
        name, info, value = struct.unpack_from(self._order + "III", self._data, self._starts[index - 1])
        return name, info, value

    def _members(self, index: int, base_bits: int, depth: int) -> list[Member]:
        if depth > 16:
            raise _damaged(f"type {index} nests too deep")
        _, info, _ = self._head(index)
        found: list[Member] = []
        for place in range(info & 0xFFFF):
            start = self._starts[index - 1] + 12 + 12 * place
            name, kind, offset = struct.unpack_from(self._order + "III", self._data, start)
            bits = offset & 0xFFFFFF if info >> 31 else offset
            width = (offset >> 24 if info >> 31 else 0) or self._size_bits(kind, 0)
            inner = self._through(kind)
            if not name and inner and (self._head(inner)[1] >> 24) & 0x1F in (_STRUCT, _UNION):
                found += self._members(inner, base_bits + bits, depth + 1)
            else:
                found.append(Member(self._string(name) if name else "", base_bits + bits, width))
        return found

    def _through(self, index: int) -> int:
        """The type behind typedefs and qualifiers; 0 for void."""
        for _ in range(32):
            if index == 0:
                return 0
            _, info, value = self._head(index)
            if (info >> 24) & 0x1F not in _THROUGH:
                return index
            index = value
        raise _damaged(f"type {index} is defined by itself")

    def _size_bits(self, index: int, depth: int) -> int:
        index = self._through(index)
        if index == 0 or depth > 16:
            return 0
        _, info, value = self._head(index)
        kind = (info >> 24) & 0x1F
        if kind == _PTR:
            return 64
        if kind == _ARRAY:
            element, _, count = struct.unpack_from(self._order + "III", self._data, self._starts[index - 1] + 12)
            return self._size_bits(element, depth + 1) * int(count)
        return value * 8 if kind in (_INT, _STRUCT, _UNION, _ENUM, _FLOAT, _ENUM64) else 0


def read_btf(path: Path) -> Btf:
    """The types of a file: raw BTF, or an ELF file with a section .BTF. Raises UserError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            "the BTF file cannot be read",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name a vmlinux, or /sys/kernel/btf/vmlinux for the running kernel",
        ) from error
    return parse_btf(data, where=str(path))


def parse_btf(data: bytes, *, where: str = "BTF") -> Btf:
    """The types of BTF data or of an ELF file. Raises UserError where they are damaged, or there are none."""
    try:
        if data[:4] == b"\x7fELF":
            data = _elf_section(data, b".BTF")
        if len(data) < 24:
            raise _damaged("it is too short")
        order = "<" if struct.unpack_from("<H", data)[0] == _MAGIC else ">"
        magic, _, _, header, type_offset, type_size, string_offset, string_size = struct.unpack_from(
            order + "HBBIIIII", data
        )
        if magic != _MAGIC:
            raise _damaged("it does not begin with BTF's magic number")
        if header < 24 or header + max(type_offset + type_size, string_offset + string_size) > len(data):
            raise _damaged("it is cut")
        types = data[header + type_offset : header + type_offset + type_size]
        strings = data[header + string_offset : header + string_offset + string_size]
        return Btf(types, order, _find_starts(types, order), strings)
    except (struct.error, OverflowError) as error:  # an offset beyond what an address holds overflows
        raise _damaged(str(error)) from error
    except UserError as error:
        raise UserError(
            error.text.what, where=where, why=error.text.why or "it is damaged", next_step=error.text.next_step
        ) from error


def _find_starts(types: bytes, order: str) -> list[int]:
    starts: list[int] = []
    position = 0
    read = struct.Struct(order + "I").unpack_from
    while position + 12 <= len(types):
        (info,) = read(types, position + 4)
        kind = (info >> 24) & 0x1F
        if not _INT <= kind <= _ENUM64:
            raise _damaged(f"type {len(starts) + 1} is of no known kind ({kind})")
        starts.append(position)
        position += 12 + _FIXED_EXTRA.get(kind, 0) + _EACH_EXTRA.get(kind, 0) * (info & 0xFFFF)
    if position != len(types):
        raise _damaged("the last type is cut")
    return starts


def _elf_section(data: bytes, wanted: bytes) -> bytes:
    if data[4:5] != b"\x02":
        raise _damaged("it is a 32-bit ELF file")
    order = "<" if data[5:6] == b"\x01" else ">"
    (table,) = struct.unpack_from(order + "Q", data, 40)
    entry, count, names_index = struct.unpack_from(order + "HHH", data, 58)
    sections = [struct.unpack_from(order + "IIQQQQ", data, table + entry * index) for index in range(count)]
    if names_index >= len(sections):
        raise _damaged("its table of sections is damaged")
    names = data[sections[names_index][4] : sections[names_index][4] + sections[names_index][5]]
    for name, _, _, _, offset, size in sections:
        if names[name : names.find(b"\0", name)] == wanted:
            return data[offset : offset + size]
    raise UserError(
        "this ELF file has no BTF",
        why="it has no section .BTF",
        next_step="name a vmlinux that was built with CONFIG_DEBUG_INFO_BTF, or /sys/kernel/btf/vmlinux",
    )


def _damaged(why: str) -> UserError:
    return UserError("the BTF cannot be read", why=why, next_step="name a vmlinux, or /sys/kernel/btf/vmlinux")

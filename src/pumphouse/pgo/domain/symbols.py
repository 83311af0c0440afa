# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Functions of a vmlinux with their sizes: what grew, what shrank, what was split into a hot and a cold part."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

import msgspec

from pumphouse.core.errors import UserError

_COLD = re.compile(r"\.cold(\.\d+)?$")


class FunctionSize(msgspec.Struct, frozen=True, kw_only=True):
    """A function before and after, in bytes; 0 where it is not there (inlined everywhere, or cloned)."""

    name: str
    before: int
    after: int
    cold_after: int  # of its part that was moved away as cold

    @property
    def change(self) -> int:
        """Bytes that the part that stays gained."""
        return self.after - self.before


class TextChange(msgspec.Struct, frozen=True, kw_only=True):
    """The text of two kernels. `functions` begin with the largest change of the part that stays."""

    text_before: int
    text_after: int
    split_before: int
    split_after: int
    grew: int
    shrank: int
    gone: int
    new: int
    functions: list[FunctionSize]


def read_functions(elf: bytes, *, name: str = "vmlinux") -> dict[str, int]:
    """Sizes of all functions by name, from the symbol table of a 64-bit little-endian ELF file (gABI, chapter 4).

    Static functions of one name are added up. Raises UserError where it is no such file or has no functions.
    """
    functions: dict[str, int] = {}
    for table, strings in _read_tables(elf, name):
        for name_at, info, _, _, _, length in struct.iter_unpack("<IBBHQQ", table[: len(table) // 24 * 24]):
            if info & 0xF == 2 and length:  # STT_FUNC
                end = strings.find(b"\0", name_at)
                function = strings[name_at : end if end >= 0 else None].decode("ascii", "replace")
                functions[function] = functions.get(function, 0) + length
    if not functions:
        raise _refuse(name, "there is no function in its symbol table")
    return functions


def read_symbols(elf: bytes, *, name: str = "vmlinux") -> list[str]:
    """The names of all symbols, functions and data. Raises UserError as `read_functions`."""
    tables = _read_tables(elf, name)
    return [symbol for _, strings in tables for symbol in strings.decode("ascii", "replace").split("\0") if symbol]


def _read_tables(elf: bytes, name: str) -> list[tuple[bytes, bytes]]:
    """Each symbol table with its strings."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise _refuse(name, "it is not a 64-bit little-endian ELF file")
    try:
        (offset,) = struct.unpack_from("<Q", elf, 0x28)
        size, count = struct.unpack_from("<HH", elf, 0x3A)
        sections = [struct.unpack_from("<IIQQQQIIQQ", elf, offset + size * index) for index in range(count)]
        tables = [(section, sections[section[6]]) for section in sections if section[1] == 2]  # SHT_SYMTAB
    except (struct.error, IndexError, OverflowError) as error:
        raise _refuse(name, f"it is cut off or damaged: {error}") from error
    if not tables:
        raise _refuse(name, "it has no symbol table")
    return [(elf[t[4] : t[4] + t[5]], elf[s[4] : s[4] + s[5]]) for t, s in tables]


def _refuse(name: str, why: str) -> UserError:
    return UserError(
        f"{name} has no symbols that can be read", where=name, why=why, next_step="name the vmlinux of a build"
    )


def compare_text(before: Mapping[str, int], after: Mapping[str, int]) -> TextChange:
    """What a build changed in the functions of another."""
    kept_before, kept_after = _without_cold(before), _without_cold(after)
    cold = {_COLD.sub("", name): size for name, size in after.items() if _COLD.search(name)}
    functions = [
        FunctionSize(
            name=name,
            before=kept_before.get(name, 0),
            after=kept_after.get(name, 0),
            cold_after=cold.get(name, 0),
        )
        for name in sorted(set(kept_before) | set(kept_after))
    ]
    common = [item for item in functions if item.before and item.after]
    return TextChange(
        text_before=sum(before.values()),
        text_after=sum(after.values()),
        split_before=len(before) - len(kept_before),
        split_after=len(after) - len(kept_after),
        grew=sum(item.change > 0 for item in common),
        shrank=sum(item.change < 0 for item in common),
        gone=sum(not item.after for item in functions),
        new=sum(not item.before for item in functions),
        functions=sorted(functions, key=lambda item: (-abs(item.change), item.name)),
    )


def _without_cold(functions: Mapping[str, int]) -> dict[str, int]:
    return {name: size for name, size in functions.items() if not _COLD.search(name)}

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How gcc 12 names functions in profiles, so that it can be told what a function is called in a tree at another path.

From gcc/coverage.cc (coverage_compute_profile_id, coverage_compute_lineno_checksum) and gcc/tree.cc (crc32_string). The
ident of a function that other files can see hashes its name. That of a static one hashes the path of the file that
defines it as the compiler was given it, its name, and the path of the object without its suffix. The checksum of the
lines hashes line, path and name. In files compiled for the kernel this gives every ident and checksum exactly; the
exceptions are not of C: the number that -frandom-seed puts in C++ names, and the next free ident where two collide.
"""

from __future__ import annotations

import functools

_POLYNOMIAL = 0x04C11DB7
_MASK = 0xFFFFFFFF


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        table.append(value & _MASK)
    return tuple(table)


_TABLE = _make_table()


def hash_string(start: int, text: str) -> int:
    """Gcc's crc32_string: bit by bit from the highest, the zero at the end included."""
    value = start
    for byte in text.encode(errors="surrogateescape") + b"\0":
        value = ((value << 8) & _MASK) ^ _TABLE[(value >> 24) ^ byte]
    return value


def public_ident(name: str) -> int:
    """The ident of a function that other files can see."""
    return _as_ident(hash_string(0, name))


def static_ident(name: str, source: str, object_name: str) -> int:
    """The ident of a static function: `source` as the compiler was given it, the object without suffix."""
    return _as_ident(hash_string(hash_string(_hash_path(source), name), object_name))


def lineno_checksum(name: str, source: str, line: int) -> int:
    """The checksum of where a function stands."""
    return hash_string(hash_string(line, source), name)


@functools.lru_cache(maxsize=4096)
def _hash_path(path: str) -> int:
    return hash_string(0, path)


def _as_ident(value: int) -> int:
    return (value & 0x7FFFFFFF) or 1

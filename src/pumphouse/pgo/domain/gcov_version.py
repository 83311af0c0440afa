# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Which compilers' profiles can be read: what gcc writes differs from version to version.

The second word of a .gcda or .gcno names the compiler: the major version as a letter for the tens and a digit, the
minor version as a digit, and `*` in a release (gcc 12.2 is `B22*`). gcc takes only the files of exactly its own word.
"""

from __future__ import annotations

import re
from string import digits

import msgspec

from pumphouse.core.errors import UserError


class GcovLayout(msgspec.Struct, frozen=True, kw_only=True):
    """How one major version of gcc lays out its files. `counters` are the kinds, in the order of their tags."""

    gcc: int
    counters: tuple[str, ...]


# Lengths in bytes, a checksum in the header: since gcc 12 (commit 23eb66d1d46a "gcov: Use system IO buffering").
# A version is added by one line once its files were compiled and read: gcc 13 has the same kinds, gcc 14 adds
# "conditions", gcc 15 one of paths (gcc/gcov-counter.def of each; kernel/gcov/gcc_4_7.c counts them: 8, 9, 10).
_GCC_12 = GcovLayout(
    gcc=12,
    counters=("arcs", "interval", "pow2", "topn", "indirect_call", "average", "ior", "time_profiler"),
)
LAYOUTS: dict[str, GcovLayout] = {"B2": _GCC_12}


def find_layout(version: int, *, name: str) -> tuple[str, GcovLayout]:
    """The version word as text and the layout of its files. Raises UserError for a version that is not in LAYOUTS."""
    word = version.to_bytes(4, "big").decode("latin-1")
    layout = LAYOUTS.get(word[:2])
    if layout is None or word[2] not in digits or word[3] != "*":
        raise UserError(
            f"{name}: its version word says {describe_version(word)}",
            where=f"{name}, offset 4",
            why="read are the files of " + ", ".join(f"gcc {one.gcc}" for one in LAYOUTS.values()),
            next_step="build the instrumented kernel with one of these, and train again",
        )
    return word, layout


def describe_version(word: str) -> str:
    """What a version word says: `B22*` is "gcc 12.2 (B22*)", and one that names no release only itself."""
    tens, unit, minor, status = word[:1], word[1:2], word[2:3], word[3:]
    if "A" <= tens <= "Z" and unit in digits and minor in digits and status in {"*", "e", "p", "r"}:
        return f"gcc {10 * (ord(tens) - ord('A')) + int(unit)}.{minor} ({word})"
    return ascii(word)


def make_version(release: str) -> str:
    """The version word of a released gcc: `B22*` of "12.2.0" (gcc -dumpfullversion). Raises UserError for none."""
    found = re.fullmatch(r"(\d{1,3})\.(\d)\.\d+", release.strip(), re.ASCII)
    if found is None or int(found[1]) >= 260:
        raise UserError(
            f"{release.strip()[:40]!r} is no version of gcc",
            where="gcc -dumpfullversion",
            next_step="name a released gcc as the compiler",
        )
    tens, unit = divmod(int(found[1]), 10)
    return f"{chr(ord('A') + tens)}{unit}{found[2]}*"

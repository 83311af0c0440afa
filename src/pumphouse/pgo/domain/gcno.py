# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Notes files (.gcno), which gcc writes beside an instrumented object: the names of its functions, and what it counts.

    file      magic version stamp checksum  cwd:string  flag  record*
    function  01000000 length  ident lineno_checksum cfg_checksum  name:string artificial source:string
                               start_line start_column end_line end_column
    blocks    01410000 length  count
    arcs      01430000 length  block  (target flags)*
    lines     01450000 length  block  (line | 0 source:string)*  0 0
    string    length in bytes with its zero, then the bytes: nothing is padded

From gcc/gcov-io.h, gcc/coverage.cc and gcc/profile.cc of gcc 12. An arc that is not on the spanning tree has a counter.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcov_version import find_layout

_MAGIC = 0x67636E6F
_TAG_FUNCTION, _TAG_BLOCKS, _TAG_ARCS, _TAG_LINES = 0x01000000, 0x01410000, 0x01430000, 0x01450000
_ON_TREE = 1
_STRING_MAX = 4096
_NEXT = "build the instrumented kernel again; its notes lie beside the objects"


class FunctionNotes(msgspec.Struct, frozen=True, kw_only=True):
    """One function of the source. `arcs` is the number of its counters; `artificial`: the compiler made it."""

    ident: int
    lineno_checksum: int
    cfg_checksum: int
    name: str
    source: str
    start_line: int
    end_line: int
    artificial: bool
    arcs: int

    @property
    def key(self) -> tuple[int, int, int]:
        """What must agree for counts to be of the same code (see FunctionCounts.key)."""
        return self.ident, self.cfg_checksum, self.arcs


class Gcno(msgspec.Struct, frozen=True, kw_only=True):
    """A notes file. `cwd` is the folder in which the compiler ran; `stamp` is that of the counter files."""

    version: str
    stamp: int
    cwd: str
    functions: tuple[FunctionNotes, ...]

    @property
    def by_ident(self) -> dict[int, FunctionNotes]:
        """The functions by their idents, which are unique in an object."""
        return {one.ident: one for one in self.functions}


def read_gcno(data: bytes, *, name: str) -> Gcno:
    """The notes file `name`. Raises UserError for what gcc did not write: file, offset, what, next step."""
    return _Reader(data, name).read()


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0
        self._end = len(data)

    def read(self) -> Gcno:
        if (magic := self._word("the magic word")) != _MAGIC:
            self._refuse(0, f"it is not a notes file: it begins {magic:#010x}")
        version, _ = find_layout(self._word("the version"), name=self._name)
        stamp = self._word("the stamp")
        self._word("the checksum")
        cwd = self._string("the compiler's folder")
        self._word("a flag")
        functions: list[FunctionNotes] = []
        counted = 0
        while self._at < len(self._data):
            at, self._end = self._at, len(self._data)
            tag, length = self._word("a tag"), self._word("a length")
            if length > len(self._data) - self._at:
                self._refuse(at + 4, f"a record of {length} bytes goes beyond its end")
            self._end = self._at + length
            if tag == _TAG_FUNCTION:
                functions = _with_arcs(functions, counted)
                counted = 0
                functions.append(self._function())
            elif not functions or tag not in {_TAG_BLOCKS, _TAG_ARCS, _TAG_LINES}:
                self._refuse(at, f"{tag:08x} stands where a record should begin")
            elif tag == _TAG_ARCS:
                counted += self._arcs(at, length)
            else:
                self._at = self._end
            if self._at != self._end:
                self._refuse(self._at, f"{self._end - self._at} bytes too many in a record")
        return Gcno(version=version, stamp=stamp, cwd=cwd, functions=tuple(_with_arcs(functions, counted)))

    def _function(self) -> FunctionNotes:
        ident, lineno, cfg = (self._word(f"a function's {what}") for what in ("ident", "lines", "checksum"))
        name = self._string("a function's name")
        artificial = self._word("a function's flag")
        source = self._string("a function's source")
        lines = [self._word("a function's lines") for _ in range(4)]
        return FunctionNotes(
            ident=ident,
            lineno_checksum=lineno,
            cfg_checksum=cfg,
            name=name,
            source=source,
            start_line=lines[0],
            end_line=lines[2],
            artificial=bool(artificial),
            arcs=0,
        )

    def _arcs(self, at: int, length: int) -> int:
        if length % 8 != 4:
            self._refuse(at + 4, f"{length} bytes are no whole number of arcs")
        self._word("a block")
        flags = [(self._word("an arc"), self._word("an arc"))[1] for _ in range(length // 8)]
        return sum(1 for one in flags if not one & _ON_TREE)

    def _string(self, what: str) -> str:
        at = self._at
        length = self._word(what)
        if length > min(_STRING_MAX, self._end - self._at):
            self._refuse(at, f"{what} would be {length} bytes long")
        raw = self._data[self._at : self._at + length]
        if raw and (raw[-1] != 0 or 0 in raw[:-1]):
            self._refuse(at, f"{what} is no string")
        self._at += length
        return raw[:-1].decode(errors="surrogateescape")

    def _word(self, what: str) -> int:
        if self._end - self._at < 4:
            self._refuse(self._at, f"it ends in the middle of {what}")
        self._at += 4
        return int.from_bytes(self._data[self._at - 4 : self._at], "little")

    def _refuse(self, offset: int, what: str) -> NoReturn:
        raise UserError(f"{self._name}: {what}", where=f"{self._name}, offset {offset}", next_step=_NEXT)


def _with_arcs(functions: list[FunctionNotes], counted: int) -> list[FunctionNotes]:
    """The same functions, the last with its number of counters."""
    if functions:
        functions[-1] = msgspec.structs.replace(functions[-1], arcs=counted)
    return functions

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Counter files (.gcda): a strict reader, and a writer that gives back the same bytes.

gcc takes damaged counter files without a word and compiles without them, or with wrong numbers. So everything that can
be known to be wrong is refused here. The layout is that of gcc/gcov-io.h and libgcc/libgcov-driver.c of gcc 12; a
kernel's files (kernel/gcov/gcc_4_7.c) have neither checksum nor summary nor the zero word at the end.

    file      magic version stamp checksum  [summary]  function*  [0]
    summary   a1000000 8  runs sum_max
    function  01000000 12 ident lineno_checksum cfg_checksum  counters*      or 01000000 0: it lives in another object
    counters  01a10000 + (kind << 17)  length  u64*                          a negative length: that many bytes of zeros
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NoReturn

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcov_version import GcovLayout, find_layout

ARCS = 0
COUNT_MAX = (1 << 63) - 1  # gcc reads counters as signed
SUM_MAX = (1 << 32) - 1  # the summary's word
COUNTERS_MAX = 1 << 20  # of one kind in one function; the largest in a kernel have some thousands

_MAGIC = 0x67636461
_TAG_FUNCTION = 0x01000000
_TAG_COUNTERS = 0x01A10000
_TAG_SUMMARY = 0xA1000000
_NEXT = "leave the file out, or train again and collect it anew"


class Summary(msgspec.Struct, frozen=True):
    """How often the program ran, and the largest counter of the whole program: what gcc calls a profile at all."""

    runs: int
    sum_max: int


class Counters(msgspec.Struct, frozen=True):
    """The counters of one kind of a function. `packed`: the file says "all are zero" and not each zero."""

    kind: int
    values: tuple[int, ...]
    packed: bool = False


class FunctionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One function's record. `ident` 0 is a function whose counters another object holds (comdat)."""

    ident: int
    lineno_checksum: int = 0
    cfg_checksum: int = 0
    counters: tuple[Counters, ...] = ()

    @property
    def arcs(self) -> tuple[int, ...]:
        """How often each instrumented arc was taken."""
        return self.counters[0].values if self.counters and self.counters[0].kind == ARCS else ()

    @property
    def key(self) -> tuple[int, int, int]:
        """What must agree for counts to be of the same code: ident, control-flow checksum, number of arcs."""
        return self.ident, self.cfg_checksum, len(self.arcs)


class Gcda(msgspec.Struct, frozen=True, kw_only=True):
    """A counter file. `version` is the word as text (`B22*`); `terminated`: it ends with a zero word."""

    version: str
    stamp: int
    checksum: int
    summary: Summary | None
    functions: tuple[FunctionCounts, ...]
    terminated: bool = False

    @property
    def largest(self) -> int:
        """The largest arc counter, 0 where nothing ran."""
        return max((max(one.arcs, default=0) for one in self.functions), default=0)

    @property
    def total(self) -> int:
        """The sum of all arc counters."""
        return sum(sum(one.arcs) for one in self.functions)


def read_gcda(data: bytes, *, name: str) -> Gcda:
    """The counter file `name`. Raises UserError for what gcc did not write: file, offset, what, next step."""
    return _Reader(data, name).read()


def write_gcda(gcda: Gcda) -> bytes:
    """The bytes of a counter file: those that were read, where nothing was changed."""
    words: list[int] = [_MAGIC, int.from_bytes(gcda.version.encode("latin-1"), "big"), gcda.stamp, gcda.checksum]
    out = [struct.pack("<4I", *words)]
    if gcda.summary is not None:
        out.append(struct.pack("<4I", _TAG_SUMMARY, 8, gcda.summary.runs, gcda.summary.sum_max))
    for function in gcda.functions:
        if function.ident == 0:
            out.append(struct.pack("<2I", _TAG_FUNCTION, 0))
            continue
        head = (function.ident, function.lineno_checksum, function.cfg_checksum)
        out.append(struct.pack("<5I", _TAG_FUNCTION, 12, *head))
        for counters in function.counters:
            count = len(counters.values)
            tag = _TAG_COUNTERS + (counters.kind << 17)
            out.append(struct.pack("<Ii", tag, -8 * count if counters.packed else 8 * count))
            if not counters.packed:
                out.append(struct.pack(f"<{count}Q", *counters.values))
    if gcda.terminated:
        out.append(bytes(4))
    return b"".join(out)


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0

    def read(self) -> Gcda:
        if not self._data:
            self._refuse(
                0,
                "the file is empty",
                why="files of debugfs say they are empty: tar and cp -a copy nothing of them",
                next_step="copy them with cat, as collect.sh does",
            )
        magic = self._word("the magic word")
        if magic != _MAGIC:
            swapped = magic == int.from_bytes(_MAGIC.to_bytes(4, "big"), "little")
            self._refuse(
                0, "it is of a big-endian machine" if swapped else f"it is not a counter file: it begins {magic:#010x}"
            )
        version, layout = find_layout(self._word("the version"), name=self._name)
        stamp, checksum = self._word("the stamp"), self._word("the checksum")
        summary = self._summary()
        functions = tuple(self._functions(layout))
        terminated = self._at < len(self._data)
        if terminated:
            at = self._at
            if self._word("a tag") != 0:
                self._refuse(at, f"{self._data[at : at + 4].hex()} stands where a record should begin")
            if self._at != len(self._data):
                self._refuse(self._at, f"{len(self._data) - self._at} bytes follow its end")
        elif checksum:
            self._refuse(self._at, "it ends before its end mark", why="a program writes one, only kernels do not")
        return Gcda(
            version=version,
            stamp=stamp,
            checksum=checksum,
            summary=summary,
            functions=functions,
            terminated=terminated,
        )

    def _summary(self) -> Summary | None:
        if self._peek() != _TAG_SUMMARY:
            return None
        at = self._at
        self._word("a tag")
        if (length := self._word("the summary's length")) != 8:
            self._refuse(at + 4, f"its summary has {length} bytes instead of 8")
        return Summary(self._word("the summary's runs"), self._word("the summary's maximum"))

    def _functions(self, layout: GcovLayout) -> Iterator[FunctionCounts]:
        seen = set[int]()
        while self._peek() == _TAG_FUNCTION:
            at = self._at
            self._word("a tag")
            length = self._word("a function's length")
            if length == 0:
                yield FunctionCounts(ident=0)
                continue
            if length != 12:
                self._refuse(at + 4, f"a function's record has {length} bytes instead of 12")
            ident, lineno, cfg = (self._word(f"a function's {what}") for what in ("ident", "lines", "checksum"))
            if ident == 0 or ident > 0x7FFFFFFF:
                self._refuse(at + 8, f"{ident} is no function's ident")
            if ident in seen:
                self._refuse(at + 8, f"the function {ident} comes twice")
            seen.add(ident)
            counters = tuple(self._counters(layout, ident))
            if not counters or counters[0].kind != ARCS:
                self._refuse(self._at, f"the function {ident} has no counters of arcs")
            yield FunctionCounts(ident=ident, lineno_checksum=lineno, cfg_checksum=cfg, counters=counters)

    def _counters(self, layout: GcovLayout, ident: int) -> Iterator[Counters]:
        last = -1
        while (tag := self._peek()) is not None and _TAG_COUNTERS <= tag < _TAG_SUMMARY:
            at = self._at
            kind, rest = divmod(tag - _TAG_COUNTERS, 1 << 17)
            if rest or kind >= len(layout.counters):
                self._refuse(at, f"{tag:08x} is no kind of counter of gcc {layout.gcc}")
            if kind <= last:
                self._refuse(at, f"the counters {layout.counters[kind]} of function {ident} are out of order")
            last = kind
            self._word("a tag")
            (length,) = struct.unpack("<i", self._take(4, "a length of counters"))
            if length % 8:
                self._refuse(at + 4, f"{length} bytes are no whole number of counters")
            if abs(length) > 8 * COUNTERS_MAX:
                self._refuse(at + 4, f"{abs(length) // 8} counters in one function, more than {COUNTERS_MAX}")
            if length < 0:
                yield Counters(kind, (0,) * (-length // 8), packed=True)
                continue
            values = struct.unpack(f"<{length // 8}Q", self._take(length, f"the counters of function {ident}"))
            if kind == ARCS and max(values, default=0) > COUNT_MAX:
                self._refuse(at + 8, f"a counter of function {ident} is above 2^63: gcc would read it as negative")
            yield Counters(kind, values)

    def _peek(self) -> int | None:
        """The tag that comes next, None at the end. What is shorter than a tag is refused when it is taken."""
        if len(self._data) - self._at < 4:
            return None
        return int.from_bytes(self._data[self._at : self._at + 4], "little")

    def _word(self, what: str) -> int:
        return int.from_bytes(self._take(4, what), "little")

    def _take(self, size: int, what: str) -> bytes:
        if len(self._data) - self._at < size:
            self._refuse(self._at, f"it ends in the middle of {what}", why=f"{len(self._data)} bytes long")
        self._at += size
        return self._data[self._at - size : self._at]

    def _refuse(self, offset: int, what: str, *, why: str = "", next_step: str = _NEXT) -> NoReturn:
        raise UserError(f"{self._name}: {what}", where=f"{self._name}, offset {offset}", why=why, next_step=next_step)

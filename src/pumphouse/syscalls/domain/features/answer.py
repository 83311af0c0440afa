# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What sys_features() answers, read from its bytes (include/uapi/linux/sys_features.h of our patches)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from pumphouse.core.errors import InfraError

RECORD = {"little": struct.Struct("<HBBIQ"), "big": struct.Struct(">HBBIQ")}
RECORD_SIZE = 16  # bytes, for ever
CALL_OFF = 1


class Kind(IntEnum):
    """What a record's value is."""

    NONE = 0  # no record: behind the last one
    CALL = 1
    SIZE = 2
    ARG = 3
    FIELD = 4
    KNOWN = 5


@dataclass(frozen=True, kw_only=True)
class Record:
    """One fact. `kind` may be one that is newer than this reader."""

    kind: int
    arg: int
    width: int  # bytes
    offset: int  # bytes in the struct
    value: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a kernel declares of one call: sizes in bytes, oldest first; words of flags; how much was not understood."""

    number: int
    off: bool  # there, but switched off for who asked
    sizes: tuple[int, ...]
    words: tuple[Record, ...]  # of the kinds ARG, FIELD and KNOWN
    unknown: int  # records of kinds that came later than this reader
    complete: bool  # whether the buffer held the whole answer

    @property
    def size(self) -> int | None:
        """The size of the struct in this kernel, None where the call has none."""
        return self.sizes[-1] if self.sizes else None

    def mask(self, kind: Kind, arg: int, offset: int = 0) -> int | None:
        """The bits of a word, None where nothing is declared of it."""
        for word in self.words:
            if (word.kind, word.arg, word.offset) == (kind, arg, offset):
                return word.value
        return None


def parse_answer(data: bytes, total: int, *, byteorder: Literal["little", "big"] = "little") -> Answer:
    """The answer in a buffer of which the call returned `total`, in the byte order of the machine that answered.

    Kinds that are not known are counted and passed over. Raises InfraError for what no kernel answers.
    """
    usable = min(len(data), total) // RECORD_SIZE * RECORD_SIZE
    records = [
        Record(kind=kind, arg=arg, width=width, offset=offset, value=value)
        for kind, arg, width, offset, value in RECORD[byteorder].iter_unpack(data[:usable])
    ]
    if not records or records[0].kind != Kind.CALL or total % RECORD_SIZE:
        raise InfraError(
            "this is not an answer of sys_features()",
            where=f"{len(data)} bytes, of which the call returned {total}",
            why="the first record is not of the call, or a record is cut"
            if records
            else "there is not even one record of 16 bytes",
            next_step="look whether another system call has its number in this kernel",
        )
    return Answer(
        number=records[0].offset,
        off=bool(records[0].value & CALL_OFF),
        sizes=tuple(record.value for record in records if record.kind == Kind.SIZE),
        words=tuple(record for record in records if record.kind in {Kind.ARG, Kind.FIELD, Kind.KNOWN}),
        unknown=sum(record.kind not in set(Kind) for record in records),
        complete=total <= len(data),
    )


def write_answer(records: Sequence[Record], *, byteorder: Literal["little", "big"] = "little") -> bytes:
    """The bytes of records, as a kernel writes them."""
    return b"".join(
        RECORD[byteorder].pack(record.kind, record.arg, record.width, record.offset, record.value) for record in records
    )

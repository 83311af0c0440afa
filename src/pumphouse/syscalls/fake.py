# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A model of a kernel: calls with masks, sizes, companions and an order of checks, for the engine to probe.

It reads arguments and memory as the kernel does: by slot, address and offset. Nothing here is measured.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pumphouse.syscalls.domain.probe.plan import OUT_BYTES, PAGE, REQUEST, REQUEST_BYTES, Kind

Check = Literal["filter", "rights", "pages", "first", "tail", "words", "pointer"]
ORDER: tuple[Check, ...] = ("filter", "pages", "first", "rights", "tail", "words", "pointer")

_ADDRESSES = {
    Kind.REQUEST: 0x10_0000,
    Kind.OUT: 0x20_0000,
    Kind.EMPTY: 0x30_0000,
    Kind.ONES: 0x40_0000,
    Kind.BAD_POINTER: 0x50_0000,
    Kind.SELF: 1000,
}


@dataclass(frozen=True, kw_only=True)
class FakeWord:
    """A flag word at an argument (`slot` 0 to 5) or in the struct.

    `needs`: bits, each with the others without which it is refused;
    `needs_field`: the bits that are refused unless the 8 bytes at this offset of the struct are not zero.
    """

    slot: int = REQUEST
    offset: int = 0
    width: int = 8
    mask: int = 0
    needs: tuple[tuple[int, int], ...] = ()
    needs_field: tuple[tuple[int, int], ...] = ()

    def accepts(self, value: int, request: bytes | bytearray) -> bool:
        """Whether the kernel goes on with this value."""
        if value & ~self.mask:
            return False
        if any(value & bit and value & others != others for bit, others in self.needs):
            return False
        return not any(value & bit and not any(request[offset : offset + 8]) for bit, offset in self.needs_field)


@dataclass(frozen=True, kw_only=True)
class FakeCall:
    """A call: its struct stands at argument `struct_slot`, its size at `size_slot` or in the struct's first 4 bytes."""

    number: int
    words: tuple[FakeWord, ...] = ()
    struct_slot: int | None = None
    size_slot: int | None = None
    first: int = 0
    size: int = 0
    pointer_slot: int | None = None  # an address that is read last
    order: tuple[Check, ...] = ORDER
    writes_back: bool = False
    filter_errno: int = 0  # what a seccomp filter answers
    rights_errno: int = 0  # what the check of rights answers
    result: int = 0  # of a call that went through
    tells: bytes = b""  # what it then writes to the page of answers


@dataclass(kw_only=True)
class FakeKernel:
    """A kernel that knows some calls; `calls` by number. It counts what it is asked in `trials`."""

    calls: dict[int, FakeCall]
    machine: str = "x86_64"
    release: tuple[int, int] = (6, 18)
    filtered: bool = False
    vector: dict[int, int] = field(default_factory=dict)
    request: bytearray = field(default_factory=lambda: bytearray(REQUEST_BYTES))
    out: bytearray = field(default_factory=lambda: bytearray(OUT_BYTES))
    trials: int = 0
    lowered: bool = False

    def address(self, kind: Kind) -> int:
        """Where a buffer stands in the model."""
        return _ADDRESSES[kind]

    def auxiliary(self, entry: int) -> int | None:
        """An entry of the model's auxiliary vector."""
        return self.vector.get(entry)

    def lower_rights(self) -> None:
        """Remember it."""
        self.lowered = True

    def restore_rights(self) -> None:
        """Remember it."""
        self.lowered = False

    def call(self, number: int, arguments: Sequence[int]) -> int:
        """What the model answers: the first check of its order that refuses, else its result."""
        self.trials += 1
        call = self.calls.get(number)
        if call is None:
            return -errno.ENOSYS
        for check in call.order:
            refused = self._check(call, check, arguments)
            if refused:
                return -refused
        self.out[: len(call.tells)] = call.tells
        return call.result

    def _check(self, call: FakeCall, check: Check, arguments: Sequence[int]) -> int:
        if check == "filter":
            return call.filter_errno
        if check == "rights":
            return call.rights_errno
        if check == "pointer":
            slot = call.pointer_slot
            bad = slot is not None and arguments[slot] == _ADDRESSES[Kind.BAD_POINTER]
            return errno.EFAULT if bad else 0
        if check == "words":
            return 0 if all(self._accepts(call, word, arguments) for word in call.words) else errno.EINVAL
        return self._check_size(call, check, arguments)

    def _check_size(self, call: FakeCall, check: Check, arguments: Sequence[int]) -> int:
        if call.struct_slot is None:
            return 0
        if arguments[call.struct_slot] != _ADDRESSES[Kind.REQUEST]:
            return errno.EFAULT if check == "tail" else 0
        size = arguments[call.size_slot] if call.size_slot is not None else int.from_bytes(self.request[:4], "little")
        if check == "pages":
            return errno.E2BIG if size > PAGE else 0
        if check == "first":
            return errno.EINVAL if size < call.first else 0
        if any(self.request[call.size : size]):
            if call.writes_back:
                self.request[:4] = call.size.to_bytes(4, "little")
            return errno.E2BIG
        return 0

    def _accepts(self, call: FakeCall, word: FakeWord, arguments: Sequence[int]) -> bool:
        if word.slot < REQUEST:
            return word.accepts(arguments[word.slot], self.request)
        if call.struct_slot is None or arguments[call.struct_slot] != _ADDRESSES[Kind.REQUEST]:
            return True
        if word.offset + word.width > call.size:  # this kernel's struct ends before the word
            return True
        value = int.from_bytes(self.request[word.offset : word.offset + word.width], "little")
        return word.accepts(value, self.request)

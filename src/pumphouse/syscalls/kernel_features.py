# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Asking the running kernel: the one place that calls sys_features()."""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pumphouse.core.errors import InfraError
from pumphouse.syscalls.domain.features.answer import Answer, parse_answer
from pumphouse.syscalls.domain.features.catalogue import Described, read_catalogue
from pumphouse.syscalls.domain.release import read_release
from pumphouse.syscalls.sacrifice import Sacrifice

OFFSET = 110 if platform.machine() == "alpha" else 0  # of common numbers
NUMBER = 500 + OFFSET  # of sys_features()
NEWEST = (7, 2)  # the newest release that is known not to have another call of that number
BUFFER = 4096  # bytes, the most that the call takes
# Calls that are older than common numbers (include/uapi/asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl).
OLD_NUMBERS = {
    "x86_64": {"sched_setattr": 314, "perf_event_open": 298, "getrandom": 318},
    "aarch64": {"sched_setattr": 274, "perf_event_open": 241, "getrandom": 278},
    "riscv64": {"sched_setattr": 274, "perf_event_open": 241, "getrandom": 278},
}


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer: the error's name."""

    error: str


def number_of(call: Described) -> int | None:
    """The call's number on this machine, None where it is not known."""
    if call.number is not None:
        return call.number + OFFSET
    return OLD_NUMBERS.get(platform.machine(), {}).get(call.name)


def ask(number: int) -> Answer | Refusal:
    """What the running kernel declares of a call. A kernel without sys_features() refuses with ENOSYS."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(BUFFER)
    arguments = [ctypes.c_long(NUMBER), ctypes.c_long(number), buffer, ctypes.c_size_t(BUFFER), ctypes.c_long(0)]
    total = int(ctypes.c_long(libc.syscall(*arguments)).value)
    if total >= 0:
        return parse_answer(buffer.raw, total, byteorder=sys.byteorder)
    return Refusal(errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno())))


class KernelDeclares:
    """What the running kernel itself says of its calls: `Declared` of pumphouse.syscalls.domain.probe.engine."""

    def __init__(self, catalogue: Mapping[str, Described]) -> None:
        self._catalogue = catalogue

    def masks(self, call: str) -> dict[str, int] | None:
        """The mask of each word that the kernel declares of a call, None where it declares nothing of it."""
        described = self._catalogue.get(call)
        number = number_of(described) if described else None
        answer = ask(number) if number is not None else None
        if described is None or not isinstance(answer, Answer) or answer.off:
            return None
        found = {word.id: answer.mask(word.code, word.arg, word.offset) for word in described.word}
        return {name: mask for name, mask in found.items() if mask is not None}


def find_declarations() -> KernelDeclares | None:
    """The running kernel's declarations, None where it has no sys_features().

    It is looked for in a child, which a seccomp filter may kill for it. A release that is newer than NEWEST is not
    asked: it may have given the number to a call that does something.
    """
    if read_release(platform.release()) > NEWEST:
        return None

    def look(_index: int, _careful: bool) -> bytes:  # noqa: FBT001 - the shape of Sacrifice
        try:
            return look_for_call().encode()
        except InfraError as error:
            return str(error).encode()

    for _, answer in Sacrifice(look, lambda: None).run(range(1)):
        if answer == b"":
            return KernelDeclares(read_catalogue())
    return None


def look_for_call() -> str:
    """Empty where this kernel has sys_features(), else the error with which it says that it has not.

    Raises InfraError where something else has its number.
    """
    answer = ask(NUMBER)
    if isinstance(answer, Refusal):
        return answer.error
    if answer.number != NUMBER:
        raise InfraError(
            "another system call has the number of sys_features()",
            where=f"number {NUMBER}",
            why=f"its answer is of {answer.number}",
            next_step="look into the tables of this kernel",
        )
    return ""

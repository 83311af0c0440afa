# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Asking the running kernel: the one place that calls sys_features()."""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
from dataclasses import dataclass

from pumphouse.core.errors import InfraError
from pumphouse.syscalls.domain.features.answer import Answer, parse_answer
from pumphouse.syscalls.domain.features.catalogue import Described

OFFSET = 110 if platform.machine() == "alpha" else 0  # of common numbers
NUMBER = 500 + OFFSET  # of sys_features()
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

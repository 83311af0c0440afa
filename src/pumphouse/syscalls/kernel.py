# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The running kernel: the one place of the prober that makes system calls."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Sequence
from functools import cache

from pumphouse.core.errors import InfraError
from pumphouse.syscalls.domain.probe.plan import OUT_BYTES, PAGE, REQUEST_BYTES, Kind, Number
from pumphouse.syscalls.domain.release import read_release

_MACHINES = ("x86_64", "aarch64", "riscv64")
_CAPSET = Number(x86_64=126, generic=91)
_CAPGET = Number(x86_64=125, generic=90)
_PRCTL = Number(x86_64=157, generic=167)
_PR_GET_SECCOMP = 21
_FILTERED = 2
_PROT_NONE = 0  # the module mmap does not name it
_CAPABILITY_VERSION = 0x20080522  # linux/capability.h: the third, with two words of 32 bits each


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = [ctypes.c_long] + [ctypes.c_ulong] * 6
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.getauxval.restype = ctypes.c_ulong
    libc.getauxval.argtypes = [ctypes.c_ulong]
    return libc


class RunningKernel:
    """The kernel that runs this process, with the memory that trials need. `close` gives the memory back.

    Raises InfraError where there are no recipes for the machine.
    """

    def __init__(self) -> None:
        self.machine = platform.machine()
        if self.machine not in _MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise InfraError(
                f"the recipes have no system call numbers for {self.machine}",
                why="they are for 64-bit processes on x86-64, arm64 and riscv64",
                next_step="add the numbers to data/recipes, or probe on another machine",
            )
        self.release = read_release(os.uname().release)
        self._libc = _libc()
        self._syscall = self._libc.syscall
        size = REQUEST_BYTES + OUT_BYTES + 3 * PAGE
        self._size = size
        start = self._libc.mmap(
            None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0
        )
        if start is None or start == ctypes.c_void_p(-1).value:
            raise InfraError("no memory for the probe", where="mmap", next_step="free some")
        self._start: int = start
        self.request = memoryview((ctypes.c_char * REQUEST_BYTES).from_address(start)).cast("B")
        self.out = memoryview((ctypes.c_char * OUT_BYTES).from_address(start + REQUEST_BYTES)).cast("B")
        empty = start + REQUEST_BYTES + OUT_BYTES
        ones, bad = empty + PAGE, empty + 2 * PAGE
        ctypes.memmove(ones, b"\1\0\0\0" * 8, 32)
        self._libc.mprotect(ctypes.c_void_p(bad), ctypes.c_size_t(PAGE), _PROT_NONE)
        self._addresses = {
            Kind.REQUEST: start,
            Kind.OUT: start + REQUEST_BYTES,
            Kind.EMPTY: empty,
            Kind.ONES: ones,
            Kind.BAD_POINTER: bad,
        }
        self.filtered = self.call(_PRCTL.on(self.machine), (_PR_GET_SECCOMP, 0, 0, 0, 0, 0)) == _FILTERED
        self._rights = bytes(24)

    def close(self) -> None:
        """Give the memory back."""
        self.request.release()
        self.out.release()
        self._libc.munmap(self._start, self._size)

    def address(self, kind: Kind) -> int:
        """Where a buffer stands, or the number of this process for SELF."""
        return os.getpid() if kind is Kind.SELF else self._addresses[kind]

    def call(self, number: int, arguments: Sequence[int]) -> int:
        """Make a system call; the result, or the negative errno."""
        result: int = self._syscall(number, *arguments)
        return -ctypes.get_errno() if result == -1 else result

    def auxiliary(self, entry: int) -> int | None:
        """An entry of the auxiliary vector (getauxval(3)); None where there is none."""
        return self._libc.getauxval(entry) or None

    def lower_rights(self) -> None:
        """Take the effective capabilities away; they stay permitted (capset(2))."""
        header = ctypes.create_string_buffer(_CAPABILITY_VERSION.to_bytes(4, "little") + bytes(4), 8)
        data = ctypes.create_string_buffer(24)
        place, held = ctypes.addressof(header), ctypes.addressof(data)
        if self.call(_CAPGET.on(self.machine), (place, held, 0, 0, 0, 0)) == 0:
            self._rights = data.raw
            ctypes.memset(held, 0, 4)
            ctypes.memset(held + 12, 0, 4)
            self.call(_CAPSET.on(self.machine), (place, held, 0, 0, 0, 0))

    def restore_rights(self) -> None:
        """Make the capabilities effective that were so before."""
        header = ctypes.create_string_buffer(_CAPABILITY_VERSION.to_bytes(4, "little") + bytes(4), 8)
        data = ctypes.create_string_buffer(self._rights, 24)
        self.call(_CAPSET.on(self.machine), (ctypes.addressof(header), ctypes.addressof(data), 0, 0, 0, 0))

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Seccomp filters and other confinements for a child of the test, in which a probe is then made."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence

import msgspec

from pumphouse.syscalls.domain.probe.plan import CallPlan
from pumphouse.syscalls.domain.probe.report import Report
from pumphouse.syscalls.probe import probe_plans

ERRNO, KILL_PROCESS, KILL_THREAD, TRAP, ALLOW = 0x50000, 0x80000000, 0, 0x30000, 0x7FFF0000
_LOAD, _EQUAL, _ABOVE, _RETURN = 0x20, 0x15, 0x25, 0x06
NEWUSER, NEWNS = 0x10000000, 0x20000
_LIBC = ctypes.CDLL(None, use_errno=True)


def install_filter(numbers: Sequence[int], action: int) -> None:
    """From here on, the system calls of these numbers get the action (linux/filter.h, linux/seccomp.h)."""
    code = [(_LOAD, 0, 0, 0)]
    for number in numbers:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, action)]
    code.append((_RETURN, 0, 0, ALLOW))
    program = b"".join(struct.pack("<HBBI", *one) for one in code)
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(held))
    assert _LIBC.prctl(38, 1, 0, 0, 0) == 0
    assert _LIBC.prctl(22, 2, ctypes.create_string_buffer(head, len(head)), 0, 0) == 0, ctypes.get_errno()


def unshare(flags: int) -> None:
    """Leave namespaces (unshare(2)); mounts of others do not come into a mount namespace of our own."""
    if _LIBC.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if flags & NEWNS:
        _LIBC.mount(b"none", b"/", None, 0x44000, None)


def probe_confined(confine: Callable[[], None], plans: Sequence[CallPlan]) -> Report:
    """What a child that was confined first is told by a probe."""

    def work() -> bytes:
        confine()
        return msgspec.msgpack.encode(probe_plans(plans))

    return msgspec.msgpack.decode(in_a_child(work), type=Report)


def in_a_child(work: Callable[[], bytes]) -> bytes:
    """What a child of the test answers; its errors fail the test."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(work())
        except BaseException as error:  # noqa: BLE001 - it must not go on as a second test run
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the probing process itself ended with {status:#x}"
    assert told, "the probing process said nothing"
    return told

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Whether this kernel takes BPF programs from us: loads the smallest one, and attaches one to a loopback of its own.

Calls bpf(2) directly, so that the answer does not depend on a library. Layouts: include/uapi/linux/bpf.h, union
bpf_attr, which only grows at its end, so these prefixes hold for every kernel that knows the command.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import NoReturn

from pumphouse.core.doctor import Finding

_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _LINK_CREATE = 5, 28
_PROG_TYPE_SOCKET_FILTER, _PROG_TYPE_XDP = 1, 6
_ATTACH_TYPE_XDP = 37
_XDP_FLAGS_SKB_MODE = 1 << 1
_CLONE_NEWNET = 0x40000000
_LOOPBACK_INDEX = 1

# mov r0, 2 (XDP_PASS); exit
_PASS = struct.pack("<BBhi", 0xB7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)


def _bpf(command: int, attributes: bytes) -> int:
    """bpf(2). Returns the file descriptor. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = _BPF_SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(0, f"the number of bpf(2) on {platform.machine()} is not known here")
    result: int = libc.syscall(number, command, attributes, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def load_program(kind: int) -> int:
    """Load a program of two instructions; returns its file descriptor. Raises OSError."""
    instructions, licence = ctypes.create_string_buffer(_PASS), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "<IIQQIIQII",
        kind,
        len(_PASS) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        0,
        0,
        0,
        0,
        0,
    )
    return _bpf(_PROG_LOAD, attributes)


def look_at_bpf() -> Finding:
    """Whether a socket filter loads."""
    os.close(load_program(_PROG_TYPE_SOCKET_FILTER))
    has_btf = os.path.exists("/sys/kernel/btf/vmlinux")  # noqa: PTH110  no path to work with
    detail = f"programs load on {platform.release()}"
    return Finding(
        grade="ok" if has_btf else "limited", detail=f"{detail}, {'with' if has_btf else 'without'} kernel BTF"
    )


def look_at_xdp() -> Finding:
    """Whether an XDP program attaches to the loopback of a network namespace made for this, in a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _attach_in_child(writer)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    os.waitpid(child, 0)
    if told == "attached":
        return Finding(grade="ok", detail="a program attaches (generic mode, own network namespace)")
    return Finding(grade="missing", detail=told or "the child that tried it died")


def _enter_new_network_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace: {os.strerror(code)}")


def _attach_in_child(writer: int) -> NoReturn:
    try:
        _enter_new_network_namespace()
        program = load_program(_PROG_TYPE_XDP)
        _bpf(_LINK_CREATE, struct.pack("<IIII", program, _LOOPBACK_INDEX, _ATTACH_TYPE_XDP, _XDP_FLAGS_SKB_MODE))
        os.write(writer, b"attached")
    except OSError as error:
        os.write(writer, str(error.strerror).encode())
    finally:
        os._exit(0)

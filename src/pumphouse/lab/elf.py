# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Which shared libraries a program needs: reads ELF files (gABI; ld.so(8) for where they are looked for)."""

from __future__ import annotations

import struct
from pathlib import Path

from pumphouse.core.errors import UserError

LIBRARY_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB = 1, 5


def read_needs(path: Path) -> tuple[str | None, list[str]]:
    """The interpreter (None in a static program) and the names of the libraries that a 64-bit ELF file asks for.

    Raises UserError where the file is not one.
    """
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise UserError(
            "this is not a 64-bit little-endian ELF program",
            where=str(path),
            next_step="name a compiled program; scripts go into an image as files",
        )
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQ", data, start + size * index) for index in range(count)]
    loads = [(address, offset, length) for kind, _, offset, address, _, length in segments if kind == _PT_LOAD]
    interpreter, needed = None, []
    for kind, _, offset, _, _, length in segments:
        if kind == _PT_INTERP:
            interpreter = data[offset : offset + length].rstrip(b"\0").decode()
        elif kind == _PT_DYNAMIC:
            tags = list(struct.iter_unpack("<qQ", data[offset : offset + length - length % 16]))
            table = next((value for tag, value in tags if tag == _DT_STRTAB), 0)
            strings = next(offset + table - base for base, offset, length in loads if base <= table < base + length)
            for tag, value in tags:
                if tag == _DT_NEEDED:
                    begin = strings + value
                    needed.append(data[begin : data.index(b"\0", begin)].decode())
    return interpreter, needed


def find_library(name: str) -> Path:
    """Where the loader would find a library. Raises UserError where it is on none of the usual folders."""
    for place in LIBRARY_FOLDERS:
        if (path := Path(place) / name).exists():
            return path
    raise UserError(
        f"the library {name} is not on this machine",
        where=", ".join(LIBRARY_FOLDERS),
        next_step=f"apt-file search {name} names the package that has it",
    )


def collect(program: Path) -> dict[str, Path]:
    """The program's interpreter and all libraries it needs, directly or not: path in the image -> file here."""
    interpreter, todo = read_needs(program)
    found = {interpreter: Path(interpreter)} if interpreter else {}
    seen = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        path = find_library(name)
        if interpreter and path.name == Path(interpreter).name:
            continue
        found[str(path)] = path
        todo += read_needs(path)[1]
    return found

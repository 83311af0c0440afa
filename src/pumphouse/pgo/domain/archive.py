# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Archives of named files: written the same byte by byte each time, and read as if they came from a stranger."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from typing import NoReturn

from pumphouse.core.errors import UserError

PACKED_MAX = 256_000_000  # bytes, as they come
UNPACKED_MAX = 1_024_000_000  # bytes: an archive of zeros unpacks to a thousand times its size
FILES_MAX = 100_000


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of the files by name: no times, no owners, no order of its own."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            archive.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(packed.getvalue(), mtime=0)


def unpack_files(data: bytes, *, name: str, unpacked_max: int = UNPACKED_MAX) -> dict[str, bytes]:
    """The files in a .tar.gz (or .tar) by name, folders left out. Nothing is written to disk.

    Raises UserError for what is damaged or too large, for names that leave the archive, for names that come twice, and
    for anything that is not a file: archive, file, what, next step.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unzip(data, name, unpacked_max)), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                path = _check_member(member, found, name)
                stream = archive.extractfile(member)
                found[path] = stream.read() if stream is not None else b""
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError) as error:
        _refuse(name, "it is no whole archive", why=str(error) or type(error).__name__)
    return found


def _unzip(data: bytes, name: str, unpacked_max: int) -> bytes:
    if len(data) > PACKED_MAX:
        _refuse(name, f"it is larger than {PACKED_MAX // 1_000_000} MB")
    if not data.startswith(b"\x1f\x8b"):
        if not data or data[257:262] != b"ustar":
            _refuse(name, "it is neither .tar.gz nor .tar")
        return data
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(data, unpacked_max + 1)
    except zlib.error as error:
        _refuse(name, "it is damaged", why=str(error))
    if len(plain) > unpacked_max:
        _refuse(name, f"it unpacks to more than {unpacked_max // 1_000_000} MB")
    if not unzip.eof:
        _refuse(name, "it is cut off", why=f"the compressed data do not end after {len(data)} bytes")
    if unzip.unused_data:
        _refuse(name, f"{len(unzip.unused_data)} bytes follow its end")
    return plain


def _check_member(member: tarfile.TarInfo, found: Mapping[str, bytes], name: str) -> str:
    path = member.name.removeprefix("./")
    if not member.isfile() or member.issparse():
        _refuse(name, f"{path!a} in it is no file", why="links and devices have no place in it")
    if path.startswith("/") or "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        _refuse(name, f"{path!a} in it leads out of it")
    if path in found:
        _refuse(name, f"{path!a} comes twice")
    if len(found) >= FILES_MAX:
        _refuse(name, f"it holds more than {FILES_MAX} files")
    return path


def _refuse(name: str, what: str, *, why: str = "") -> NoReturn:
    raise UserError(f"{name}: {what}", where=name, why=why, next_step="fetch it again, or collect the profile anew")

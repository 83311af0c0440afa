# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Initramfs archives in the newc format (Documentation/driver-api/early-userspace/buffer-format.rst), reproducible.

Entries come in the order given, with time 0 and owner 0, so equal contents give equal bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

MAGIC = b"070701"
TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """One file, folder, link or device. `name` is relative to the root; `mode` holds type and permissions."""

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(name: str, content: bytes, *, executable: bool = False) -> Entry:
    """A regular file."""
    return Entry(name, stat.S_IFREG | (0o755 if executable else 0o644), content)


def folder(name: str) -> Entry:
    """A folder."""
    return Entry(name, stat.S_IFDIR | 0o755)


def link(name: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def console_device() -> Entry:
    """/dev/console, which the kernel opens for init before anything is mounted."""
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))


def write_archive(entries: Iterable[Entry]) -> bytes:
    """The archive of `entries`, parents first as given, closed by its trailer and padded to 512 bytes."""
    parts = [_record(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_record(0, Entry(TRAILER, 0)))
    archive = b"".join(parts)
    return archive + b"\0" * (-len(archive) % 512)


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, *entry.device, len(name), 0)
    head = MAGIC + b"".join(b"%08X" % field for field in fields) + name
    return _pad(head) + _pad(entry.content)


def _pad(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)

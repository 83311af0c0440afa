# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading a guest's serial console as it comes: our marks, files, the kernel's clock, and how kernels die.

The reader takes bytes in pieces of any size and never fails: a console is what a machine prints while it may be dying.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from dataclasses import dataclass

from pumphouse.lab.image import MARK

MAX_FILE = 64 << 20  # bytes
MAX_LINE = 1 << 16  # bytes; what is longer is cut there

_PRINTK = re.compile(r"\[ *(\d+\.\d{6})\](?:\[ *[CT]\d+\])? ?(.*)")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>c78])")

# How a kernel tells that something is wrong, and whether that is the kernel's fault or that of what it was booted on.
_FAULTS: tuple[tuple[str, str, str], ...] = (
    (r"Kernel panic - not syncing: IO-APIC \+ timer doesn't work", "infra", "timer-interrupt"),
    (r"Kernel panic - not syncing: (?:VFS: Unable to mount root|No working init|Requested init)", "infra", "image"),
    (r"Initramfs unpacking failed", "infra", "image"),
    (r"Kernel panic - not syncing: (?:System is deadlocked on memory|Out of memory)", "infra", "memory"),
    (r"Kernel panic - not syncing", "kernel", "panic"),
    (r"(?:BUG: unable to handle|BUG: kernel NULL|general protection fault|Oops:)", "kernel", "oops"),
    (r"kernel BUG at ", "kernel", "bug"),
    (
        r"(?:rcu: INFO: rcu_\w+ (?:self-)?detected|watchdog: BUG: soft lockup|INFO: task .* blocked for)",
        "kernel",
        "stall",
    ),
    (r"WARNING: .* at .*", "warning", "warning"),
)
_FAULT_PATTERNS = tuple((re.compile(pattern), blame, name) for pattern, blame, name in _FAULTS)


@dataclass(frozen=True)
class Mark:
    """A line of ours: `boot`, `job`, `say`, `exit` and what follows the name."""

    name: str
    text: str

    @property
    def fields(self) -> dict[str, str]:
        """The KEY=VALUE words of the text."""
        return dict(word.split("=", 1) for word in self.text.split() if "=" in word)


@dataclass(frozen=True)
class File:
    """A file that the guest sent; `content` is None where it arrived damaged."""

    name: str
    content: bytes | None


@dataclass(frozen=True)
class GuestTime:
    """The kernel's own clock, seconds since it started."""

    seconds: float


@dataclass(frozen=True)
class Fault:
    """A sign that something is wrong. `blame` is kernel, infra or warning; `name` says what kind."""

    blame: str
    name: str
    text: str


ConsoleEvent = Mark | File | GuestTime | Fault


class ConsoleReader:
    """Turns pieces of console output into events. The same bytes give the same events, however they are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._file: tuple[str, str, list[str]] | None = None

    def feed(self, data: bytes) -> list[ConsoleEvent]:
        """The events of the lines that `data` completes."""
        events: list[ConsoleEvent] = []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            events += self._read_line(line[:MAX_LINE])
        return events

    def finish(self) -> list[ConsoleEvent]:
        """The events of an unfinished last line, and a file that was cut off as damaged."""
        events = self.feed(b"\n") if self._rest else []
        if self._file is not None:
            events.append(File(self._file[0], None))
            self._file = None
        return events

    def _read_line(self, raw: bytes) -> list[ConsoleEvent]:
        line = _ANSI.sub("", raw.decode("utf-8", errors="replace")).replace("\r", "").rstrip()
        if line.startswith(MARK + " "):
            return self._read_mark(line[len(MARK) + 1 :])
        events: list[ConsoleEvent] = []
        if printk := _PRINTK.search(line):
            events.append(GuestTime(float(printk[1])))
        elif self._file is not None:
            self._file[2].append(line)
            return events
        for pattern, blame, name in _FAULT_PATTERNS:
            if pattern.search(line):
                events.append(Fault(blame, name, printk[2] if printk else line))
                break
        return events

    def _read_mark(self, text: str) -> list[ConsoleEvent]:
        name, _, rest = text.partition(" ")
        if name == "file":
            words = rest.rsplit(" ", 1)
            lost = [File(self._file[0], None)] if self._file else []
            self._file = (words[0], words[1] if len(words) == 2 else "", [])
            return list(lost)
        if name == "endfile" and self._file is not None:
            file_name, digest, lines = self._file
            self._file = None
            return [File(file_name, _decode(lines, digest) if rest == file_name else None)]
        events: list[ConsoleEvent] = [Mark(name, rest)]
        uptime = Mark(name, rest).fields.get("uptime", "")
        if re.fullmatch(r"\d+(\.\d+)?", uptime):
            events.append(GuestTime(float(uptime)))
        return events


def _decode(lines: list[str], digest: str) -> bytes | None:
    try:
        packed = base64.b64decode("".join(lines), validate=True)
        unpacker = zlib.decompressobj(wbits=31)
        content = unpacker.decompress(packed, MAX_FILE)
    except (binascii.Error, ValueError, zlib.error):
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None

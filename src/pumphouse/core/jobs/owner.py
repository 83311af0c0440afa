# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Who holds a lease: a process, named so that another one on the same machine can tell whether it still lives."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from functools import cache
from pathlib import Path

import msgspec


class Owner(msgspec.Struct, frozen=True):
    """A process: the machine's boot, its pid namespace, the pid, and when it started (clock ticks after boot)."""

    host: str
    boot: str
    namespace: str
    pid: int
    start: int

    def __str__(self) -> str:
        return f"{self.host}/{self.boot}/{self.namespace}/{self.pid}/{self.start}"

    @classmethod
    def parse(cls, text: str) -> Owner:
        """The owner that `str()` wrote."""
        host, boot, namespace, pid, start = text.rsplit("/", 4)
        return cls(host, boot, namespace, int(pid), int(start))

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        """The process `pid` of this machine. Raises ProcessLookupError where there is none."""
        start = _start_ticks(pid)
        if start is None:
            raise ProcessLookupError(pid)
        return cls(socket.gethostname(), *_place(), pid, start)

    @property
    def is_local(self) -> bool:
        """Whether its pid means something here: same boot, same pid namespace."""
        return (self.boot, self.namespace) == _place()

    @property
    def is_alive(self) -> bool | None:
        """True or False for a process of this machine, None for one elsewhere."""
        if not self.is_local:
            return None
        return _start_ticks(self.pid) == self.start

    def kill_group(self) -> None:
        """SIGKILL to its process group, where it is a live group leader of this machine."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(self.pid) == self.pid:
                    os.killpg(self.pid, signal.SIGKILL)
                else:
                    os.kill(self.pid, signal.SIGKILL)


@cache
def _place() -> tuple[str, str]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return boot, str(Path("/proc/self/ns/pid").stat().st_ino)


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)), or None where the process is gone or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])

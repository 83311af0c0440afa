# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A board that boots nothing: it replays consoles in the guest's own format, and can be told how to fail.

The console is what a real guest would have printed: marks, gzipped base64 files with checksums,
printk lines, panics. Whatever reads a real board's results reads these.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pumphouse.core.progress import Progress
from pumphouse.lab.board import BootJob, BootResult, Watch
from pumphouse.lab.image import MARK
from pumphouse.lab.kernel import Kernel

PANIC = "[    0.312345] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"
TIMER_PANIC = "[    0.100000] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug"


def render_console(
    kernel: Kernel, files: Mapping[str, bytes], *, exit_code: int = 0, uptime_s: float = 2.2, damaged: bool = False
) -> bytes:
    """The console of a boot that leaves `files`; `damaged` breaks the first one on its way."""
    lines = [
        "[    0.000000] Linux version " + kernel.release,
        f"{MARK} boot uptime={uptime_s} clocksource=tsc release={kernel.release} realtime={int(kernel.is_realtime)}",
        f"{MARK} job uptime={uptime_s} clocksource=tsc settled=yes",
    ]
    for name, content in sorted(files.items()):
        text = base64.encodebytes(gzip.compress(content, mtime=0)).decode().split("\n")[:-1]
        if damaged:
            text[0], damaged = f"interrupted{text[0]}", False
        digest = hashlib.sha256(content).hexdigest()
        lines += ["", f"{MARK} file {name} {digest}", *text, "", f"{MARK} endfile {name}"]
    lines += ["", f"{MARK} exit {exit_code} uptime={uptime_s + 5} clocksource=tsc", "[    9.000000] reboot: Power down"]
    return "\r\n".join([*lines, ""]).encode()


@dataclass
class FakeBoard:
    """A board whose boots print what `console` says for a kernel and a seed; `failures` come first, one a boot."""

    console: Callable[[Kernel, int], bytes]
    failures: list[bytes] = field(default_factory=list)
    boot_s: float = 0.0  # of real time
    name: str = "fake"
    time_unit: str = "virtual us at shift=4"
    at_once: int = 2
    boots: int = 0

    async def boot(self, kernel: Kernel, job: BootJob, *, progress: Progress) -> BootResult:
        """Replay one console. Raises what a real board raises for the same console."""
        self.boots += 1
        await asyncio.sleep(self.boot_s)
        watch = Watch(job.limits, progress)
        watch.feed(self.failures.pop(0) if self.failures else self.console(kernel, job.seed))
        return watch.result(ended="guest-shutdown", stderr="", command="fake")

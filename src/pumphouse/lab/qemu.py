# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""QEMU: what a virtual machine is, its command line, and the one place that starts it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qemu.qmp import QMPClient
from qemu.qmp.error import QMPError

from pumphouse.core.doctor import find_program
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.command import kill_group, start_program

Mode = Literal["icount", "mttcg", "kvm"]
SHIFTS = range(11)  # QEMU takes 0 to 10: one instruction lasts 2^shift ns


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A virtual x86-64 machine that boots a kernel directly.

    `icount`: one virtual CPU in one thread, time is the count of instructions times 2^`shift` ns, idle time is skipped.
    `mttcg`: emulated, a thread for each CPU, host time. `kvm`: the host's processor.
    """

    mode: Mode = "icount"
    shift: int = 4
    cpus: int = 1
    memory_mb: int = 512
    repeatable: bool = False  # no random numbers from the host, a fixed clock, no address randomisation
    append: str = ""  # more of the kernel's command line
    cpu: str = ""  # QEMU's -cpu; else what the mode and `repeatable` ask for
    plugin: str = ""  # of TCG, as FILE,KEY=VALUE,...
    serial_file: Path | None = None  # what the guest writes to ttyS1 goes here, byte for byte

    def check(self) -> None:
        """Raise UserError where these do not go together."""
        if self.shift not in SHIFTS:
            raise UserError(
                f"shift={self.shift} is not possible",
                where="--shift",
                why="under icount one instruction lasts 2^shift ns, and QEMU takes shifts from 0 to 10",
                next_step="use 4 (62.5 million instructions per virtual second) unless you know better",
            )
        if self.mode == "icount" and self.cpus != 1:
            raise UserError(
                f"{self.cpus} processors are not possible under icount",
                why="its clock counts the instructions of one thread",
                next_step="use one, or the mode mttcg, which cannot tell latencies apart",
            )

    @property
    def time_unit(self) -> str:
        """What a microsecond of the guest is: never compare two that differ."""
        return f"virtual us at shift={self.shift}" if self.mode == "icount" else "us"


def machine_argv(machine: Machine, *, kernel: Path, initrd: Path | None, qmp_fd: int | None = None) -> list[str]:
    """The command line of a machine. The serial console is on standard output."""
    accelerator = {
        "icount": ["-accel", "tcg,thread=single", "-icount", f"shift={machine.shift},sleep=off"],
        "mttcg": ["-accel", "tcg,thread=multi"],
        "kvm": ["-accel", "kvm"],
    }[machine.mode]
    cpu = "host" if machine.mode == "kvm" else "max,-rdrand,-rdseed" if machine.repeatable else "max"
    append = ["console=ttyS0", "quiet", "loglevel=4", "panic=-1", *(["nokaslr"] if machine.repeatable else [])]
    return [
        "qemu-system-x86_64",
        *accelerator,
        *("-machine", "pc"),
        *("-cpu", machine.cpu or cpu),
        *("-smp", str(machine.cpus)),
        *("-m", f"{machine.memory_mb}M"),
        *(["-rtc", "base=2020-01-01T00:00:00,clock=vm", "-seed", "1"] if machine.repeatable else []),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-serial", "stdio"),
        *(["-serial", f"file:{machine.serial_file}"] if machine.serial_file else []),
        *(["-plugin", machine.plugin] if machine.plugin else []),
        *(["-chardev", f"socket,id=qmp,fd={qmp_fd}", "-mon", "chardev=qmp,mode=control"] if qmp_fd is not None else []),
        *("-kernel", str(kernel)),
        *(["-initrd", str(initrd)] if initrd else []),
        *("-append", " ".join([*append, machine.append]).strip()),
    ]


def reproduce_command(machine: Machine, *, kernel: Path, initrd: Path | None) -> str:
    """The command line as a shell takes it, for people who want to boot the same by hand."""
    return shlex.join(machine_argv(machine, kernel=kernel, initrd=initrd))


@dataclass
class Ended:
    """How a virtual machine ended: QEMU's exit status, and the reason of its SHUTDOWN event where it told one."""

    status: int = 0
    reason: str = ""
    stderr: str = ""


class Qemu:
    """A running virtual machine. `console()` gives its output until it ends; then `ended` tells how."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ended = Ended()
        self._monitor: QMPClient | None = None
        self._events: asyncio.Future[None] | None = None

    async def connect(self, monitor_socket: socket.socket) -> None:
        """Open the monitor. A machine that died at once has none: how it died is told by its output."""
        monitor = QMPClient()
        with contextlib.suppress(QMPError):
            await monitor.connect(monitor_socket)
            self._monitor = monitor
            self._events = asyncio.ensure_future(self._listen(monitor))

    async def console(self) -> AsyncIterator[bytes]:
        """Pieces of the serial console, as they come."""
        stream = self.process.stdout
        while stream is not None and (data := await stream.read(1 << 16)):
            yield data

    async def quit(self) -> None:
        """Ask QEMU to end now."""
        if self._monitor is not None:
            with contextlib.suppress(QMPError, OSError):
                await self._monitor.execute("quit")

    async def close(self) -> None:
        """End QEMU if it still runs, and gather how it ended. Returns when the process is gone."""
        if self.process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), 0.5 if self.ended.reason else 0.05)
        if self.process.returncode is None:
            await kill_group(self.process)
        self.ended.status = await self.process.wait()
        if self.process.stderr is not None:
            self.ended.stderr = (await self.process.stderr.read()).decode(errors="replace").strip()
        if self._events is not None:
            self._events.cancel()
            await asyncio.gather(self._events, return_exceptions=True)
        if self._monitor is not None:
            with contextlib.suppress(QMPError, OSError, EOFError):
                await self._monitor.disconnect()

    async def _listen(self, monitor: QMPClient) -> None:
        async for event in monitor.events:
            data = event.get("data")
            if event["event"] == "SHUTDOWN" and isinstance(data, dict):
                self.ended.reason = str(data.get("reason", ""))


@contextlib.asynccontextmanager
async def started(machine: Machine, *, kernel: Path, initrd: Path | None) -> AsyncIterator[Qemu]:
    """A running machine; whatever happens in the block, QEMU has ended when it is left. It also dies with this process.

    Raises UserError for options that do not go together, InfraError where QEMU cannot be started.
    """
    machine.check()
    program = find_program("qemu-system-x86_64")
    if program is None:
        raise InfraError(
            "QEMU is not on this machine",
            why="kernels are booted in it",
            next_step="sudo apt-get install qemu-system-x86",
        )
    ours, theirs = socket.socketpair()
    argv = machine_argv(machine, kernel=kernel, initrd=initrd, qmp_fd=theirs.fileno())
    with contextlib.closing(ours):
        with contextlib.closing(theirs):
            process = await start_program(
                [str(program), *argv[1:]], stderr=asyncio.subprocess.PIPE, pass_fds=(theirs.fileno(),)
            )
        qemu = Qemu(process)
        try:
            await qemu.connect(ours)
            yield qemu
        finally:
            await asyncio.shield(qemu.close())


class Deadline:
    """A wall-clock limit that tells how much is left."""

    def __init__(self, limit_s: float) -> None:
        self.began = time.monotonic()
        self.limit_s = limit_s

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float:
        """Seconds until the limit, at least 0."""
        return max(0.0, self.limit_s - self.elapsed_s)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Boards: where a kernel is booted and does a job. QEMU is one; ssh and labgrid come behind the same interface.

How a boot can end, besides well:

    InfraError        the machine failed: no console, a time limit, QEMU killed, a panic that emulation causes, a file
                      damaged on its way. Tried again a bounded number of times; never a verdict about the kernel.
    KernelFaultError  the kernel under test died by itself. Never tried again silently.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from pumphouse.core.errors import InfraError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.console import ConsoleReader, Fault, File, GuestTime, Mark
from pumphouse.lab.image import Manifest, build_image
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.qemu import Deadline, Machine, reproduce_command, started

BOOT_TRIES = 3
LAST_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a boot is given up: by its own clock, by ours, and by silence on the console."""

    guest_s: float = 600.0
    wall_s: float = 300.0
    silence_s: float = 120.0


@dataclass(frozen=True, kw_only=True)
class BootJob:
    """What a guest does: an image's manifest and the limits. `seed` makes boots of the same job differ on purpose."""

    manifest: Manifest
    limits: Limits = field(default_factory=Limits)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class BootResult:
    """A boot that went through: the job's exit code, the files it left, what it said, and the whole console."""

    exit_code: int
    files: dict[str, bytes]
    marks: list[Mark]
    warnings: list[str]
    guest_s: float  # seconds on the guest's clock
    wall_s: float
    console: bytes
    command: str  # the command that boots the same by hand

    def mark(self, name: str) -> Mark:
        """The first mark of a name. Raises InfraError where the guest made none."""
        for mark in self.marks:
            if mark.name == name:
                return mark
        raise InfraError(f"the guest never came to {name!r}", why="its console has no such mark")


class KernelFaultError(InfraError):
    """The kernel under test died. It is an InfraError to whoever wanted a measurement, but trying again hides it."""


class Board(Protocol):
    """Something that boots kernels."""

    @property
    def name(self) -> str:
        """What reports call it; results of different boards are never compared."""

    @property
    def time_unit(self) -> str:
        """What its microseconds are."""

    @property
    def at_once(self) -> int:
        """How many boots it may do at a time without one disturbing another's measurement."""

    async def boot(self, kernel: Kernel, job: BootJob, *, progress: Progress) -> BootResult:
        """Boot a kernel once and do a job. Raises InfraError, KernelFaultError, UserError."""


@dataclass(frozen=True)
class QemuBoard:
    """Virtual machines on this computer."""

    machine: Machine
    at_once: int = 1

    @property
    def name(self) -> str:
        """`qemu` and its mode."""
        return f"qemu {self.machine.mode}"

    @property
    def time_unit(self) -> str:
        """See Machine.time_unit."""
        return self.machine.time_unit

    async def boot(self, kernel: Kernel, job: BootJob, *, progress: Progress) -> BootResult:
        """Boot once. Raises InfraError, KernelFaultError, UserError."""
        image = await asyncio.to_thread(build_image, job.manifest)
        machine = self.machine
        if job.seed:
            machine = Machine(**{**vars(machine), "append": f"{machine.append} pumphouse.seed={job.seed}".strip()})
        watch = Watch(job.limits, progress)
        async with started(machine, kernel=kernel.image, initrd=image) as qemu:
            pieces = qemu.console()
            while not watch.done:
                piece = await _next(pieces, watch)
                if piece is None:
                    break
                watch.feed(piece)
            if watch.exit_code is not None:
                # The last words come after the mark: let it power off by itself.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(_drain(pieces, watch), min(5.0, watch.deadline.left_s + 0.1))
        return watch.result(
            ended=f"{qemu.ended.reason or f'exit status {qemu.ended.status}'}",
            stderr=qemu.ended.stderr,
            command=reproduce_command(machine, kernel=kernel.image, initrd=image),
        )


async def boot_with_retry(
    board: Board, kernel: Kernel, job: BootJob, *, progress: Progress | None = None
) -> BootResult:
    """Boot, and again where the machine failed (not where the kernel did), BOOT_TRIES times at most.

    Raises the last InfraError, KernelFaultError, UserError.
    """
    progress = progress or Silent()
    for attempt in range(1, BOOT_TRIES + 1):
        try:
            return await board.boot(kernel, job, progress=progress)
        except KernelFaultError:
            raise
        except InfraError as error:
            progress.log(f"boot attempt {attempt} of {BOOT_TRIES} failed: {error.text.what} ({error.text.why})")
            if attempt == BOOT_TRIES:
                raise
    raise AssertionError("unreachable")


class Watch:
    """Follows one boot's console: collects what comes back, and knows when to give up."""

    def __init__(self, limits: Limits, progress: Progress, deadline: Callable[[float], Deadline] = Deadline) -> None:
        self.limits = limits
        self.deadline = deadline(limits.wall_s)
        self.exit_code: int | None = None
        self.guest_s = 0.0
        self.gave_up = ""
        self._progress = progress
        self._reader = ConsoleReader()
        self._console = bytearray()
        self._marks: list[Mark] = []
        self._files: dict[str, bytes] = {}
        self._damaged: list[str] = []
        self._faults: list[Fault] = []

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for."""
        fatal = any(fault.name in ("panic", "timer-interrupt", "image", "memory") for fault in self._faults)
        return self.exit_code is not None or bool(self.gave_up) or fatal

    def feed(self, piece: bytes) -> None:
        """Take a piece of the console."""
        self._console += piece
        for event in self._reader.feed(piece):
            self._take(event)
        if self.guest_s > self.limits.guest_s and self.exit_code is None:
            self.gave_up = f"{self.limits.guest_s:.0f} s of the guest's time"

    def _take(self, event: Mark | File | GuestTime | Fault) -> None:
        match event:
            case Mark(name="exit"):
                number = event.text.split()[:1]
                self.exit_code = int(number[0]) if number and re.fullmatch(r"\d+", number[0]) else 255
                self._marks.append(event)
            case Mark():
                self._marks.append(event)
                if event.name == "say":
                    self._progress.log(event.text)
            case File(content=None):
                self._damaged.append(event.name)
            case File(content=bytes() as content):
                self._files[event.name] = content
            case GuestTime():
                self.guest_s = max(self.guest_s, event.seconds)
            case Fault():
                self._faults.append(event)

    def result(self, *, ended: str, stderr: str, command: str) -> BootResult:
        """The result, or the error that tells why there is none."""
        for event in self._reader.finish():
            self._take(event)
        fatal = [fault for fault in self._faults if fault.blame != "warning"]
        by_kernel = [fault for fault in fatal if fault.blame == "kernel"]
        where = f"after {self.guest_s:.1f} s of guest time, {self.deadline.elapsed_s:.0f} s of ours"
        if by_kernel and by_kernel[0] is fatal[0]:
            raise KernelFaultError(
                f"the kernel died: {fatal[0].text.strip()}",
                where=where,
                why=f"a {fatal[0].name} of the kernel under test; it is not tried again",
                next_step=f"look at the console, or boot it by hand: {command}",
            )
        if fatal:
            raise InfraError(
                f"the machine failed to boot: {fatal[0].text.strip()}",
                where=where,
                why=f"{fatal[0].name}: what it was booted on failed, not the kernel",
                next_step="it is tried again by itself",
            )
        if self.exit_code is None:
            raise InfraError(self._unfinished(ended, stderr), where=where, next_step="it is tried again by itself")
        if self._damaged:
            raise InfraError(
                f"the guest's file {self._damaged[0]} arrived damaged",
                where=where,
                why="its checksum differs: something else was printed in the middle of it",
                next_step="it is tried again by itself",
            )
        return BootResult(
            exit_code=self.exit_code,
            files=self._files,
            marks=self._marks,
            warnings=[fault.text for fault in self._faults],
            guest_s=self.guest_s,
            wall_s=self.deadline.elapsed_s,
            console=bytes(self._console),
            command=command,
        )

    def _unfinished(self, ended: str, stderr: str) -> str:
        if self.gave_up:
            return f"the guest did not finish within {self.gave_up}"
        lines = self._console.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
        heard = f"; last heard: {' / '.join(line.strip()[:120] for line in lines)}" if lines else "; it printed nothing"
        return f"the machine ended before the job did ({stderr.splitlines()[-1] if stderr else ended}){heard}"


async def _next(pieces: AsyncIterator[bytes], watch: Watch) -> bytes | None:
    """The next piece of console, or None at the end, at a limit, or after too long a silence."""
    limit_s = min(watch.deadline.left_s, watch.limits.silence_s)
    try:
        return await asyncio.wait_for(anext(pieces), limit_s)
    except StopAsyncIteration:
        return None
    except TimeoutError:
        if watch.deadline.left_s <= 0:
            watch.gave_up = f"{watch.limits.wall_s:.0f} s"
        else:
            watch.gave_up = f"{watch.limits.silence_s:.0f} s of silence on its console"
        return None


async def _drain(pieces: AsyncIterator[bytes], watch: Watch) -> None:
    async for piece in pieces:
        watch.feed(piece)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Boots that measure a kernel with a workload, and boots that train an instrumented one.

Both run under QEMU's icount with one instruction a nanosecond, a fixed clock and no randomness: the same kernel and
workload execute nearly the same instructions each time, on any computer. What is counted is not time on hardware.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab import elf
from pumphouse.lab.board import BootJob, BootResult, Limits, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.qemu import Machine
from pumphouse.lab.userland import fetch_userland
from pumphouse.pgo.domain.counts import PhaseCount, PhaseCounts, RawCounts, read_counts
from pumphouse.pgo.domain.script import (
    AWAIT,
    Trial,
    read_export,
    read_trial,
    script_files,
    write_measuring,
    write_training,
)
from pumphouse.pgo.domain.workload import Workload
from pumphouse.pgo.native import build_native

LIMITS = Limits(guest_s=1200, wall_s=1800, silence_s=600)  # other work on the same computer slows an emulator

# A clock of one instruction a nanosecond from the start: calibration would differ, and jiffies are too coarse.
APPEND = "norandmaps tsc=reliable clocksource=tsc"


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A workload with everything that it needs in a guest."""

    workload: Workload
    executables: Mapping[str, bytes]
    files: Mapping[str, bytes]
    packages: Mapping[str, str]

    def job(self, script: str) -> BootJob:
        """The boot job that runs a script with it."""
        manifest = Manifest(executables=self.executables, files=self.files, job=script)
        return BootJob(manifest=manifest, limits=LIMITS)

    def digest(self, script: str) -> str:
        """The SHA-256 of all that the guest is given for a script: two boots with the same one did the same work."""
        whole = hashlib.sha256(script.encode())
        for name, content in sorted([*self.executables.items(), *self.files.items()]):
            whole.update(f"\0{name}\0".encode() + hashlib.sha256(content).digest())
        return whole.hexdigest()


async def prepare_guest(workload: Workload, *, progress: Progress | None = None) -> Guest:
    """The workload with its programs and their libraries: of Debian packages, of this part, or files here.

    Raises UserError for a program that is not there, InfraError where a package cannot be fetched.
    """
    userland = await fetch_userland(workload.programs_of_packages(), progress=progress)
    executables = dict(userland.executables)
    executables["/bin/await"] = AWAIT.encode()
    for name in ("mark", "gcda", *workload.own_programs()):
        executables[f"/bin/{name}"] = (await build_native(name)).read_bytes()
    for name, path in workload.programs_of_files().items():
        try:
            executables[f"/bin/{name}"] = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"the program {name} cannot be read",
                where=str(path),
                why=error.strerror or str(error),
                next_step=f"paths in [programs] are relative to {workload.path}",
            ) from error
        if executables[f"/bin/{name}"].startswith(b"\x7fELF"):
            executables |= {inside: here.read_bytes() for inside, here in elf.collect(path).items()}
    texts = {**workload.files, **script_files(workload)}
    files = {path: text.encode() for path, text in texts.items()}
    return Guest(workload=workload, executables=executables, files=files, packages=userland.packages)


def counting_machine(memory_mb: int) -> Machine:
    """The virtual machine that counts: one instruction is a nanosecond, everything that could differ is fixed."""
    return Machine(mode="icount", shift=0, memory_mb=memory_mb, repeatable=True, append=APPEND)


async def try_workload(kernel: Kernel, workload: Workload, *, progress: Progress | None = None) -> Trial:
    """Run a workload once, without counting, and tell of each phase whether it was done. Raises InfraError."""
    guest = await prepare_guest(workload, progress=progress)
    board = QemuBoard(counting_machine(workload.memory_mb))
    result = await boot_with_retry(board, kernel, guest.job(write_measuring(workload)), progress=progress)
    return read_trial(workload, result.files)


async def measure(
    kernel: Kernel, workload: Workload, *, progress: Progress | None = None, heat: Path | None = None, seed: int = 0
) -> PhaseCounts:
    """Boot a kernel, run every phase of a workload, and count what it executes in each.

    The same kernel, workload and seed give the same counts exactly. Another seed shifts the phases by parts of a clock
    tick: the spread over seeds is what timing alone changes, and what a difference between two kernels must exceed.
    `heat` names a file for the table of how often each piece of kernel code was entered (domain/counts.py reads it).
    Raises UserError where a phase was not done, InfraError and KernelFaultError where the boot failed.
    """
    plugin = await build_native("libcounts.so")
    guest = await prepare_guest(workload, progress=progress)
    script = write_measuring(workload, seed=seed)
    with tempfile.TemporaryDirectory(prefix="pumphouse-") as folder:
        counts, table = Path(folder) / "counts.json", Path(folder) / "heat"
        options = f"{plugin},out={counts}" + (f",heat={table}" if heat else "")
        board = QemuBoard(replace(counting_machine(workload.memory_mb), plugin=options))
        result = await boot_with_retry(board, kernel, guest.job(script), progress=progress)
        require_done(workload, read_trial(workload, result.files))
        if not counts.exists():
            raise InfraError(
                "the plugin left no counts", where=result.command, why="the guest never came to the mark that writes it"
            )
        raw = read_counts(counts.read_bytes(), where=result.command)
        if heat:
            heat.write_bytes(table.read_bytes())
    return assemble_counts(kernel, guest, raw, result, digest=guest.digest(write_measuring(workload)), seed=seed)


async def train(kernel: Kernel, workload: Workload, *, progress: Progress | None = None) -> bytes:
    """Boot an instrumented kernel, run the trained phases of a workload, and bring its counters back.

    Returns a tar.gz of the .gcda files under the names that the kernel gives them, which begin with the folder in which
    it was built. Raises UserError where a phase was not done, InfraError where the kernel has no counters.
    """
    progress = progress or Silent()
    guest = await prepare_guest(workload, progress=progress)
    with tempfile.TemporaryDirectory(prefix="pumphouse-") as folder:
        archive = Path(folder) / "gcda.tar.gz"
        board = QemuBoard(replace(counting_machine(max(workload.memory_mb, 512)), serial_file=archive))
        result = await boot_with_retry(board, kernel, guest.job(write_training(workload)), progress=progress)
        export = result.files.get("export.txt", b"").decode(errors="replace")
        if export.split() == ["missing"]:
            read_export(export)
        require_done(workload, read_trial(workload, result.files, only_trained=True))
        count, size, digest = read_export(export)
        data = archive.read_bytes()
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise InfraError(
            "the counters arrived damaged",
            where="the guest's second serial port",
            why=f"{len(data)} bytes came of {size}, or others than were sent",
            next_step="train again",
        )
    progress.log(f"{count} counter files, {size} bytes packed")
    return data


def require_done(workload: Workload, trial: Trial) -> None:
    """Raise UserError naming the first step or phase that was not done."""
    if trial.is_done:
        return
    next_step = f"pumphouse pgo workload check {workload.path or workload.name} shows every phase"
    if trial.failed_step:
        raise UserError(
            f"the {trial.failed_step} of the workload {workload.name} failed",
            where=workload.path,
            why=_last_line(trial.said),
            next_step=next_step,
        )
    phase = next(phase for phase in trial.phases if not phase.done)
    said = _last_line(phase.said)
    raise UserError(
        f"the phase {phase.name} of the workload {workload.name} was not done",
        where=workload.path,
        why=phase.why + (f"; it said: {said}" if said else ""),
        next_step=next_step,
    )


def assemble_counts(
    kernel: Kernel, guest: Guest, raw: RawCounts, result: BootResult, *, digest: str, seed: int = 0
) -> PhaseCounts:
    """The counts of a boot with the names of the phases. Raises InfraError where a phase was not counted as it ran."""
    numbered = {phase.number: phase for phase in raw.phases}
    lasted = {phase.name: phase.guest_ns for phase in read_trial(guest.workload, result.files).phases}
    phases = []
    for number, phase in enumerate(guest.workload.phases, 1):
        counted = numbered.get(number)
        if counted is None or counted.entries != phase.repeat:
            raise InfraError(
                f"the phase {phase.name} was not counted as it ran",
                why=f"marked {counted.entries if counted else 0} times, run {phase.repeat} times",
                next_step="a program of the workload must not execute marks itself",
            )
        phases.append(
            PhaseCount(
                name=phase.name,
                trained=phase.trained,
                kernel=counted.kernel,
                user=counted.user,
                guest_ns=lasted[phase.name],
            )
        )
    return PhaseCounts(
        workload=guest.workload.name,
        workload_sha256=digest,
        seed=seed,
        kernel=kernel.release,
        kernel_source=kernel.source,
        kernel_sha256=kernel.sha256,
        l1i_model=raw.l1i_model,
        phases=tuple(phases),
        packages=dict(guest.packages),
        command=result.command,
        wall_s=result.wall_s,
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"

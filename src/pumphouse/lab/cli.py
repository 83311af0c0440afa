# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse lab`: get kernels and boot them, without a comparison around it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pumphouse.core.progress import Progress
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.lab.board import BootJob, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.kvm import look_at_kvm
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine

app = App(name="lab", help="Get kernels and boot them.")


@app.command
def kernel(specification: str, *, json: JsonOption = False) -> int:
    """Get a kernel: download it (deb:PACKAGE), build it (src:deb:linux-source-6.1), or read it (a path).

    Example: pumphouse lab kernel deb:linux-image-rt-amd64
    """
    with _shown() as progress:
        found = asyncio.run(open_kernel(specification, progress=progress))
    if json:
        print_json(_describe(found))
    else:
        realtime = ", PREEMPT_RT" if found.is_realtime else ""
        print_lines([f"{found.release}{realtime}, {len(found.config)} symbols set", f"{found.image}", found.source])
    return 0


@app.command
def boot(
    specification: str,
    *,
    run: Annotated[
        str, Parameter(help="A shell command for the guest; what it leaves in /results comes back.")
    ] = "uname -a",
    mode: Annotated[
        Literal["auto", "icount", "mttcg", "kvm"], Parameter(help="auto: KVM where it boots guests, else icount.")
    ] = "auto",
    shift: Annotated[int, Parameter(help="QEMU's icount shift: an instruction is 2^shift ns.")] = 4,
    json: JsonOption = False,
) -> int:
    """Boot a kernel in QEMU, run a command in it, and print what it said. Exits with 1 where the command failed.

    Example: pumphouse lab boot deb:linux-image-amd64 --run "cat /proc/version"
    """
    with _shown() as progress:
        found = asyncio.run(open_kernel(specification, progress=progress))
        job = BootJob(manifest=Manifest(job=f"{{ {run}\n}} > /results/output 2>&1"))
        if mode == "auto":
            mode = "kvm" if look_at_kvm().grade == "ok" else "icount"
        board = QemuBoard(Machine(mode=mode, shift=shift))
        result = asyncio.run(boot_with_retry(board, found, job, progress=progress))
    output = result.files.get("output", b"").decode(errors="replace")
    if json:
        print_json(
            _describe(found)
            | {
                "mode": mode,
                "exit_code": result.exit_code,
                "output": output,
                "guest_s": result.guest_s,
                "wall_s": result.wall_s,
            }
        )
    else:
        sys.stdout.write(output)
        say(f"{found.release} under {mode}: {result.guest_s:.1f} s of guest time, {result.wall_s:.1f} s of ours")
    return 1 if result.exit_code else 0


def _describe(found: Kernel) -> dict[str, object]:
    return {
        "release": found.release,
        "image": str(found.image),
        "source": found.source,
        "sha256": found.sha256,
        "realtime": found.is_realtime,
        "config": found.config,
    }


class _Bar:
    """Progress as a bar, with log lines above it."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("", total=1.0)

    def log(self, text: str) -> None:
        self._bars.console.print(text, highlight=False, markup=False)

    def advance(self, fraction: float, text: str = "") -> None:
        self._bars.update(self._task, completed=fraction, description=text[:48])


@contextmanager
def _shown() -> Iterator[Progress]:
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        yield _Bar(bars)

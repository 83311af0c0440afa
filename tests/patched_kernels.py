# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels with patches for the vm tests, and programs that run in their guests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import built_kernels
from pumphouse.lab.board import BootJob, BootResult, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.patch import patched_identity, read_patch
from pumphouse.lab.qemu import Machine
from pumphouse.lab.tree import Tree


def skip_unless_built(version: str, patches: Sequence[Path], fragments: Sequence[str | Path]) -> None:
    """Skip a test whose kernel with patches would have to be built, unless that is asked for."""
    nowhere = Tree(path=Path(), version=version, identity="", source="")
    wanted = patched_identity(nowhere, [read_patch(path) for path in patches])
    built_kernels.skip_unless_built(version, fragments, patches=wanted)


def specification(version: str, patches: Sequence[Path], fragments: Sequence[str | Path]) -> str:
    """The kernel's name for open_kernel()."""
    words = [*(f"patch={path}" for path in patches), *(f"config={name}" for name in fragments)]
    return f"src:deb:linux-source-{version}?{'&'.join(words)}"


def compile_static(folder: Path, source: str) -> bytes:
    """A C file of `folder` as a program that needs no libraries."""
    program = folder / f"{Path(source).stem}.bin"
    command = ["gcc", "-static", "-O2", "-Wall", "-Werror", f"-I{folder}", "-o", program, folder / source]
    subprocess.run(command, check=True)
    return program.read_bytes()


async def run_programs(
    kernel: Kernel, programs: dict[str, bytes], arguments: str = ""
) -> tuple[dict[str, str], BootResult]:
    """Boot, run each program, and give what each printed."""
    script = f"for name in {' '.join(programs)}; do cat /$name > /bin/$name; chmod +x /bin/$name; "
    script += f'/bin/$name {arguments} > $name.txt 2>&1; echo "exit $?" >> $name.txt; done'
    job = BootJob(manifest=Manifest(files={f"/{name}": content for name, content in programs.items()}, job=script))
    result = await boot_with_retry(QemuBoard(Machine(mode="mttcg")), kernel, job)
    return {name: result.files[f"{name}.txt"].decode(errors="replace") for name in programs}, result

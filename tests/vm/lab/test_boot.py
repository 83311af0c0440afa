# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Real kernels in real virtual machines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from pumphouse.core.errors import InfraError
from pumphouse.core.progress import Silent
from pumphouse.lab.board import BootJob, Limits, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.load import read_load
from pumphouse.lab.measure import Cyclictest, cyclictest_job
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None, reason="no QEMU: sudo apt-get install qemu-system-x86 (make setup)"
    ),
]

BOARD = QemuBoard(Machine())


def children():
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in listed if "qemu" in Path(f"/proc/{pid}/comm").read_text()]


async def test_the_realtime_kernel_boots_and_measures_under_load():
    kernel = await open_kernel("deb:linux-image-rt-amd64")
    result = await boot_with_retry(BOARD, kernel, cyclictest_job(Cyclictest(duration_s=1), read_load("stress"), seed=3))
    assert kernel.is_realtime
    assert result.exit_code == 0
    assert result.mark("boot").fields["realtime"] == "1"
    assert result.mark("boot").fields["release"] == kernel.release
    assert result.mark("job").fields["settled"] == "yes"
    record = json.loads(result.files["cyclictest.json"])
    assert record["thread"]["0"]["cycles"] > 900
    assert b"\n# Total:" in result.files["cyclictest.txt"]
    assert any(line.split()[1:] == ["99", "1"] for line in result.files["threads.txt"].decode().splitlines())
    load = result.files["load.txt"].decode()
    assert load.count("alive hackbench") == load.count("alive grep") == 2
    assert load.count("ctxt ") == 2


async def test_the_stock_kernel_runs_a_script_and_brings_files_back():
    kernel = await open_kernel("deb:linux-image-amd64")
    job = BootJob(
        manifest=Manifest(job="uname -r > name; dd if=/dev/urandom of=random bs=1k count=20; exit_with=7; (exit 7)")
    )
    result = await boot_with_retry(BOARD, kernel, job)
    assert (result.exit_code, result.files["name"].decode().strip()) == (7, kernel.release)
    assert len(result.files["random"]) == 20 * 1024
    assert result.mark("boot").fields["realtime"] == "0"
    assert children() == []


async def test_a_guest_that_never_ends_is_given_up_at_its_wall_limit_and_leaves_no_process():
    kernel = await open_kernel("deb:linux-image-amd64")
    job = BootJob(manifest=Manifest(job="while :; do :; done"), limits=Limits(wall_s=6))
    with pytest.raises(InfraError, match="did not finish within 6 s"):
        await BOARD.boot(kernel, job, progress=Silent())
    assert children() == []


async def test_qemu_killed_in_the_middle_is_an_error_of_the_machine_and_is_tried_again():
    kernel = await open_kernel("deb:linux-image-amd64")
    job = BootJob(manifest=Manifest(job="true"))
    boot = asyncio.ensure_future(boot_with_retry(BOARD, kernel, job))
    killed = None
    for _ in range(200):
        await asyncio.sleep(0.05)
        if found := children():
            killed = found[0]
            break
    await asyncio.sleep(1)
    os.kill(killed, signal.SIGKILL)
    result = await boot
    assert result.exit_code == 0


async def test_a_cancelled_boot_leaves_no_process():
    kernel = await open_kernel("deb:linux-image-amd64")
    boot = asyncio.ensure_future(BOARD.boot(kernel, BootJob(manifest=Manifest(job="true")), progress=Silent()))
    while not children():
        await asyncio.sleep(0.05)
    boot.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await boot
    assert boot.cancelled()
    assert children() == []

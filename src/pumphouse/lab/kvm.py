# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Whether KVM really boots a guest here: /dev/kvm may be there, and a stock kernel still never reach userspace."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pumphouse.core.cache import cache_dir
from pumphouse.core.doctor import Finding
from pumphouse.core.errors import PumphouseError
from pumphouse.core.progress import Silent
from pumphouse.lab.board import BootJob, Limits, QemuBoard
from pumphouse.lab.image import Manifest
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine

TRIAL = BootJob(manifest=Manifest(), limits=Limits(guest_s=60, wall_s=20, silence_s=12))
DEFAULT_KERNEL = "deb:linux-image-amd64"


def look_at_kvm() -> Finding:
    """Boot Debian's kernel under KVM, at most 20 s; the answer is kept until this machine boots again."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        there = Path("/dev/kvm").exists()
        return Finding(grade="missing", detail="/dev/kvm may not be opened" if there else "there is no /dev/kvm")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    kept = cache_dir("kvm") / boot
    if not kept.exists():
        kept.write_text(asyncio.run(_try()), encoding="utf-8")
    told = kept.read_text(encoding="utf-8")
    return Finding(grade="ok" if told.startswith("boots") else "missing", detail=told)


async def _try() -> str:
    try:
        kernel = await open_kernel(DEFAULT_KERNEL)
        result = await QemuBoard(Machine(mode="kvm")).boot(kernel, TRIAL, progress=Silent())
    except PumphouseError as error:
        return f"/dev/kvm is there, but a guest does not boot: {error.text.what}"[:200]
    return f"boots {kernel.release} in {result.wall_s:.1f} s"

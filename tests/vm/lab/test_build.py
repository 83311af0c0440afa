# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A kernel built from Debian's sources, booted and measured."""

from __future__ import annotations

import shutil

import pytest

from built_kernels import skip_unless_built
from pumphouse.lab.board import QemuBoard, boot_with_retry
from pumphouse.lab.load import read_load
from pumphouse.lab.measure import Cyclictest, cyclictest_job
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no QEMU: make setup"),
]


async def test_a_kernel_built_from_source_boots_and_measures_under_load():
    skip_unless_built("6.1", ["guest"])
    kernel = await open_kernel("src:deb:linux-source-6.1")
    assert kernel.config["CONFIG_SERIAL_8250_CONSOLE"] == "y"
    result = await boot_with_retry(
        QemuBoard(Machine()), kernel, cyclictest_job(Cyclictest(duration_s=1), read_load("stress"), seed=1)
    )
    assert result.exit_code == 0
    assert result.mark("boot").fields["release"] == kernel.release

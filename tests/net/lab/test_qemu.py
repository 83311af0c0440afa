# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Starting QEMU and being cut off meanwhile, with a program in its place that never answers its monitor."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pumphouse.lab import qemu
from pumphouse.lab.qemu import Machine, started

pytestmark = [pytest.mark.net, pytest.mark.anyio]


def sleepers():
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in listed if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\x00600\x00")]


@pytest.fixture
def mute(tmp_path, monkeypatch):
    program = tmp_path / "qemu-system-x86_64"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(qemu, "find_program", lambda _: program)


async def boot(kernel):
    async with started(Machine(), kernel=kernel, initrd=None):
        raise AssertionError("a machine without a monitor does not start")


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13])
async def test_a_machine_that_is_cancelled_while_it_starts_leaves_no_process(mute, tmp_path, turns):
    starting = asyncio.ensure_future(boot(tmp_path / "vmlinuz"))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert sleepers() == []


async def test_a_machine_that_is_cancelled_while_its_monitor_is_awaited_leaves_no_process(mute, tmp_path):
    starting = asyncio.ensure_future(boot(tmp_path / "vmlinuz"))
    while not sleepers():
        assert not starting.done(), starting.exception()
        await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert sleepers() == []

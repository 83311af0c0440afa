# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The plugin, the marks and the workload's scripts in real boots of Debian's kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.open import open_kernel
from pumphouse.pgo.domain.counts import compare_counts, largest_difference, read_heat
from pumphouse.pgo.domain.workload import parse_workload
from pumphouse.pgo.measure import measure, require_done, train, try_workload

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None, reason="no QEMU: sudo apt-get install qemu-system-x86 (make setup)"
    ),
    pytest.mark.skipif(
        shutil.which("gcc") is None, reason="no compiler: sudo apt-get install gcc libc6-dev make (make setup)"
    ),
]

TINY = """
summary = "three calls of a system call mix"
set_up = "sleep 30 &"
[programs]
syscalls = "pumphouse"
[[phase]]
name = "getpid"
command = "syscalls getpid 4000"
[[phase]]
name = "twice"
command = "syscalls getpid 4000"
repeat = 2
[[phase]]
name = "tcp"
command = "syscalls tcp 100"
trained = false
done = "test $(wc -c < $OUT) = 0"
"""


def tiny(old="", new=""):
    return parse_workload(TINY.replace(old, new) if old else TINY, path=Path("tiny.toml"))


async def test_two_boots_count_the_same_per_phase_and_each_system_call_once(tmp_path):
    kernel = await open_kernel("deb:linux-image-amd64")
    first = await measure(kernel, tiny(), heat=tmp_path / "heat")
    second = await measure(kernel, tiny())
    differences = compare_counts(first, second)
    assert largest_difference(differences, "kernel_instructions") < 0.1
    assert first.workload_sha256 == second.workload_sha256
    getpid, twice, tcp = first.phases
    assert [phase.trained for phase in first.phases] == [True, True, False]
    # 4000 calls more are 4000 times what one executes, and nothing else: fork, exec and exit are in both.
    assert 1.9 < twice.kernel.instructions / getpid.kernel.instructions < 2.1
    assert min(tcp.kernel.l1i_misses, tcp.kernel.taken_branches, tcp.user.instructions) > 0
    assert tcp.kernel.taken_branches < tcp.kernel.instructions
    # The guest's clock counts every instruction and round, and nothing else: a second account of the same work.
    for phase in (getpid, twice):
        told = sum(side.instructions + side.string_rounds for side in (phase.kernel, phase.user))
        assert told == pytest.approx(phase.guest_ns, rel=0.02)
    # The busiest piece of kernel code was entered by each of the 12,000 calls.
    heat = read_heat((tmp_path / "heat").read_bytes())
    assert max(piece.entries for piece in heat) > 12_000
    assert all(piece.address >> 63 for piece in heat)


async def test_a_phase_that_was_not_done_says_why():
    kernel = await open_kernel("deb:linux-image-amd64")
    workload = tiny("syscalls tcp 100", "echo refused; exit 7")
    trial = await try_workload(kernel, workload)
    assert [phase.done for phase in trial.phases] == [True, True, False]
    assert (trial.phases[2].why, trial.phases[2].said) == ("its command ended with status 7", "refused\n")
    assert trial.phases[0].guest_ns > 4000
    with pytest.raises(UserError, match="the phase tcp of the workload tiny was not done"):
        require_done(workload, trial)


async def test_a_kernel_without_counters_cannot_be_trained():
    kernel = await open_kernel("deb:linux-image-amd64")
    with pytest.raises(InfraError, match="this kernel has no counters to export"):
        await train(kernel, tiny())

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels compared in QEMU, as the first run of a site does it, with a second of measurement in each boot."""

from __future__ import annotations

import asyncio
import shutil

import msgspec
import pytest

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.latency import jobs
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.kinds import COMPARE

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None, reason="no QEMU: sudo apt-get install qemu-system-x86 (make setup)"
    ),
]


async def count_boots(site, run_id):
    return len([step for step in await site.runs.steps(run_id) if step.name[:4] == "boot" and step.state == "done"])


async def test_the_realtime_kernel_is_better_under_stress_and_a_cut_off_run_continues(site_root):
    site = Site(site_root)
    await upgrade_schema(site.database)
    lease = await site.runs.create_claimed(
        kind=COMPARE, title="t", params={"cycles": 1000}, actor="me", owner=Owner.current(), lease_s=60
    )
    stop = asyncio.Event()
    first = asyncio.ensure_future(execute(site, lease, jobs.jobs()[COMPARE], stop=stop))
    while not [
        step for step in await site.runs.steps(lease.run_id) if step.name[:4] == "boot" and step.state == "done"
    ]:
        assert not first.done()
        await asyncio.sleep(0.2)
    stop.set()
    await first
    assert (await site.runs.get(lease.run_id)).state is State.QUEUED
    kept = [step.name for step in await site.runs.steps(lease.run_id) if step.state == "done"]

    again = await site.runs.claim(owner=Owner.current(), lease_s=60, run_id=lease.run_id)
    await execute(site, again, jobs.jobs()[COMPARE], stop=asyncio.Event())
    run = await site.runs.get(lease.run_id)
    assert run.state is State.DONE, run.error
    comparison = msgspec.convert(run.result, Comparison)
    assert comparison.verdict == "better", comparison.reasons
    assert comparison.unit == "virtual microseconds at shift=4"
    assert (comparison.a.realtime, comparison.b.realtime) == (False, True)
    assert (comparison.a.valid_boots, comparison.b.valid_boots) == (5, 5), comparison.reasons
    log = [line.text for line in await site.runs.log(run.id)]
    assert [f"{name}: done before, kept" for name in kept] == [
        text for text in log if text.endswith("done before, kept")
    ]
    await site.close()

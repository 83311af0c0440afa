# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A site with runs in every state, as it looks after some days of work."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from pumphouse.core.clock import SettableClock
from pumphouse.core.errors import ErrorText
from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import Artifact, Lease, LogLine, Measurement
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.pgo.jobs import jobs as tuning_jobs
from pumphouse.pgo.kinds import TUNE

ANSWER = "6.1.0-51-rt is better under stress: p99.9 101 us (95-141) against 777 us (601-912), 5 boots each, p = 0.004"
PANIC = [
    "fetched linux-image-6.12.43-rt",
    "qemu-system-x86_64 -accel tcg,thread=single -icount shift=3,sleep=off -m 512M -nographic",
    "[    1.204991] VFS: Cannot open root device",
    "[    1.205001] Kernel panic - not syncing: VFS: unable to mount root fs",
    "no shell prompt after 60 s",
]


@dataclass
class Filled:
    """The runs by what they show."""

    done: int
    failed: int
    cancelled: int
    running: Lease
    queued: int
    probed: int
    tuned: int


async def fill(site: Site) -> Filled:
    """Put the runs in; returns which is which."""
    clock = SettableClock(time.time() - 3 * 86400)
    runs = Runs(site.database, clock)
    await _old_runs(runs, clock)
    clock.time = time.time() - 4000
    done = await _done(site, runs, clock)
    clock.time = time.time() - 900
    probed = await _probed(runs, clock)
    tuned = await _tuned(site)
    clock.time = time.time() - 700
    failed = await _failed(runs, clock)
    clock.time = time.time() - 600
    cancelled = await runs.create(
        kind="demo.count", title="6.1.0-51-rt against 6.1.0-51 with the io load", params={}, actor="anne"
    )
    await runs.cancel(cancelled.id, actor="bert")
    clock.time = time.time() - 220
    running = await _running(runs, clock)
    queued = await runs.create(
        kind="demo.count", title="profile-guided 6.1 against 6.1", params={"steps": 5}, actor="the first start"
    )
    return Filled(
        done=done, failed=failed, cancelled=cancelled.id, running=running, queued=queued.id, probed=probed, tuned=tuned
    )


async def _claimed(runs: Runs, title: str, kind: str = "demo.count", **params: object) -> Lease:
    return await runs.create_claimed(
        kind=kind, title=title, params=params, actor="anne", owner=Owner.current(), lease_s=9e6
    )


async def _old_runs(runs: Runs, clock: SettableClock) -> None:
    for number in range(55):
        lease = await _claimed(runs, f"count to {number % 5 + 3}", steps=number % 5 + 3)
        clock.move(12 + number)
        summary = f"counted to {number % 5 + 3}"
        await runs.finish(lease, state=State.DONE, summary=summary, verdict="done", result={"steps": 3})
        clock.move(900)
    lease = await _claimed(runs, "6.1.0-51-rt against 6.1.0-51 under hackbench", kind="demo.answer_no")
    clock.move(300)
    await runs.finish(lease, state=State.DONE, summary=ANSWER.replace("better", "worse"), verdict="worse", is_no=True)


async def _done(site: Site, runs: Runs, clock: SettableClock) -> int:
    lease = await _claimed(runs, "6.1.0-51-rt against 6.1.0-51 under hackbench, 5 boots each", steps=3)
    for number, kernel in enumerate(["rt", "stock"] * 5):
        boot = str(number // 2 + 1)
        await runs.begin_step(lease, f"boot {kernel} {boot}")
        clock.move(31 + number)
        await runs.end_step(lease, f"boot {kernel} {boot}", state="done")
        labels = {"kernel": kernel, "boot": boot}
        p999 = 101.4375 + number * 3 if kernel == "rt" else 777.25 - number
        await runs.add_measurements(lease, [Measurement(name="p99.9", value=p999, unit="us", labels=labels)])
    lines = [f"boot {n}: cyclictest --mlockall --priority=80 --interval=200 --loops=10000, done" for n in range(40)]
    await _log(runs, clock, lease, lines, progress=1.0)
    for name, media_type, content in [
        ("histogram.csv", "text/csv", b"latency_us,count\n1,2\n" * 2000),
        ("report.html", "text/html", b"<p>a report</p>"),
        ("dmesg-rt-1.txt", "text/plain", b"[ 0.0] Linux version 6.1.0-51-rt\n" * 3000),
    ]:
        sha256, size = site.artifacts.add(content)
        artifact = Artifact(name=name, media_type=media_type, size=size, sha256=sha256, created_at=clock.now())
        await runs.add_artifact(lease, artifact)
    await runs.finish(lease, state=State.DONE, summary=ANSWER, verdict="better", result={"steps": 3})
    return lease.run_id


async def _probed(runs: Runs, clock: SettableClock) -> int:
    """A probe of a kernel whose vendor brought a flag of a later release to it."""
    seen = json.loads((Path(__file__).parents[1] / "data" / "syscalls" / "probe_6.18.json").read_text())
    (landlock,) = [call for call in seen["calls"] if call["name"] == "landlock_create_ruleset"]
    (word,) = [word for word in landlock["words"] if word["name"].endswith("handled_access_fs")]
    word["mask"] = "0x1ffff"
    lease = await _claimed(runs, "Ask this kernel about its extensible system calls", kind="syscalls.probe")
    clock.move(1)
    summary = "6.18.44 has 46 of the 47 calls that were asked, 68 flag words answered: 1 thing beyond mainline 6.18."
    verdict = "differs"
    await runs.finish(lease, state=State.DONE, summary=summary, verdict=verdict, is_no=True, result=seen)
    return lease.run_id


async def _tuned(site: Site) -> int:
    """A tuning on the model of compiler and board."""
    lease = await site.runs.create_claimed(
        kind=TUNE,
        title="Tune linux-source-6.1 (small configuration) to redis",
        params={"board": "fake"},
        actor="anne",
        owner=Owner.current(),
        lease_s=60,
    )
    await execute(site, lease, tuning_jobs()[TUNE], stop=asyncio.Event())
    return lease.run_id


async def _failed(runs: Runs, clock: SettableClock) -> int:
    lease = await _claimed(runs, "6.12.43-rt against 6.12.43 under hackbench", kind="demo.fail_infra", boots=5)
    await runs.begin_step(lease, "fetch kernel")
    clock.move(3)
    await runs.end_step(lease, "fetch kernel", state="done")
    await runs.begin_step(lease, "boot rt 1")
    clock.move(60)
    await runs.end_step(lease, "boot rt 1", state="failed")
    await _log(runs, clock, lease, PANIC, level="error", progress=0.31)
    error = ErrorText(
        what="the guest did not reach its shell in 60 s",
        where="boot rt 1, console line 6",
        why="Kernel panic - not syncing: VFS: unable to mount root fs",
        next_step="add CONFIG_BLK_DEV_INITRD=y to this kernel's configuration, then retry",
        kind="infra",
    )
    await runs.finish(lease, state=State.FAILED, summary=error.what, error=error)
    return lease.run_id


async def _running(runs: Runs, clock: SettableClock) -> Lease:
    lease = await _claimed(runs, "6.1.0-52-rt against 6.1.0-51-rt under hackbench, 5 boots each", steps=3)
    for number in range(3):
        await runs.begin_step(lease, f"boot rt {number + 1}")
        clock.move(40)
        await runs.end_step(lease, f"boot rt {number + 1}", state="done")
    await runs.begin_step(lease, "boot stock 1")
    clock.time = time.time() - 1
    await _log(runs, clock, lease, ["boot stock 1 reached the shell"], progress=0.62)
    await runs.renew(lease, lease_s=9e6, progress_text="boot stock 1: cyclictest, 6,200 of 10,000 cycles")
    return lease


async def _log(
    runs: Runs, clock: SettableClock, lease: Lease, texts: list[str], *, progress: float, level: str = "info"
) -> None:
    at = clock.now() - len(texts)
    lines = [LogLine(seq=n, at=at + n, level=level, text=text) for n, text in enumerate(texts, start=1)]
    await runs.renew(lease, lease_s=9e6, progress=progress, log=lines)

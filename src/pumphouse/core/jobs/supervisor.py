# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The local executor: claims runs, gives each a process of its own, ends what must end, and recovers what was lost.

The supervisor holds nothing that cannot be lost: a run's process keeps its own lease, and whoever comes next (another
supervisor, or this one started again) finds runs whose process is dead or whose lease ran out, and queues them again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from pumphouse.core.errors import ErrorText, InfraError
from pumphouse.core.jobs.nursery import Nursery
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import Lease, LogLine, RunSummary
from pumphouse.core.jobs.runs import LeaseLostError
from pumphouse.core.jobs.state import State
from pumphouse.core.log import get_logger
from pumphouse.core.site import Site

POLL_S = 0.5
SWEEP_S = 2.0
GRACE_S = 1.5  # between the polite signal and SIGKILL
EXPIRED_FOR_S = 3.0  # by our own monotonic clock: a wall clock that jumped must not take a run from a living process
OUTPUT_TAIL = 4000  # bytes of a dead process's last words that go into the run's log

_log = get_logger(__name__)


class Supervisor:
    """Executes the queued runs of a site, `slots` at a time, until told to stop."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.slots = site.settings.worker.slots
        self._owner = Owner.current()
        self._running: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._sweeper = Sweeper(site)
        self._nursery = Nursery()

    def stop(self) -> None:
        """Ask `serve` to give back what runs and to return."""
        self._stop.set()

    async def serve(self, *, until_idle: bool = False) -> None:
        """Work until `stop` is called; returns when every process has ended (at most GRACE_S and a little).

        `until_idle` also ends it when no run is queued and none is running here.
        """
        swept = 0.0
        try:
            while not self._stop.is_set():
                try:
                    if time.monotonic() - swept > SWEEP_S:
                        await self._sweeper.sweep()
                        swept = time.monotonic()
                    while len(self._running) < self.slots and (lease := await self._claim()):
                        self._start(lease)
                    if (
                        until_idle
                        and not self._running
                        and not await self.site.runs.find(states=[State.QUEUED], limit=1)
                    ):
                        return
                except InfraError as error:
                    _log.error("the worker cannot use the database and tries again", reason=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), POLL_S)
        finally:
            self._stop.set()
            await asyncio.gather(*self._running, return_exceptions=True)
            await self._nursery.close()

    async def _claim(self) -> Lease | None:
        return await self.site.runs.claim(owner=self._owner, lease_s=self.site.settings.worker.lease_s)

    def _start(self, lease: Lease) -> None:
        task = asyncio.ensure_future(supervise(self.site, lease, nursery=self._nursery, stop=self._stop))
        self._running.add(task)
        task.add_done_callback(self._running.discard)


async def supervise(site: Site, lease: Lease, *, nursery: Nursery, stop: asyncio.Event) -> None:
    """Execute one claimed run in a process of its own and see to it that the run and the process end together."""
    output = site.data_dir / "work" / f"{lease.run_id}.output"
    try:
        process = await nursery.start(root=site.root, lease=lease, output=output)
    except InfraError as error:
        await _settle(site, lease, str(error), output)
        return
    ended = asyncio.ensure_future(process.wait())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not ended.done():
            await asyncio.wait({ended, stopped}, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                break
            if stopped.done() or await _must_end(site, lease):
                # The process notices a cancel by itself; the signal is for shutdown, the kill for what hangs.
                if stopped.done():
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(ended), GRACE_S)
                break
    finally:
        stopped.cancel()
        process.kill_group()
        await ended
    code = process.returncode or 0
    cause = f"signal {-code}" if code < 0 else f"exit status {code}"
    await _settle(site, lease, f"the process of the run ended with {cause}", output)


async def _must_end(site: Site, lease: Lease) -> bool:
    try:
        run = await site.runs.get(lease.run_id)
    except InfraError:
        return False
    return run.cancel_requested_by is not None


async def _settle(site: Site, lease: Lease, reason: str, output: Path) -> None:
    """Store the end of a run whose process died without storing one."""
    words = _take_last_words(output)
    with contextlib.suppress(InfraError):  # then the lease runs out, and the sweep stores it
        await recover(site, lease, reason=reason, words=words)


def _take_last_words(output: Path) -> str:
    """The end of what a process printed; the file is removed."""
    words = output.read_bytes()[-OUTPUT_TAIL:].decode(errors="replace") if output.exists() else ""
    output.unlink(missing_ok=True)
    return words


async def recover(site: Site, lease: Lease, *, reason: str, words: str = "") -> None:
    """Queue a run again whose process is dead, or end it: cancelled if that was asked for, failed after the last try.

    Does nothing where the lease is no longer held, that is, where the run's end is stored already.
    """
    runs = site.runs
    run = await runs.get(lease.run_id)
    if run.state is not State.RUNNING:
        return
    tail = await runs.log_tail(run.id, limit=1)
    seq = tail[-1].seq if tail else 0
    texts = [reason, *words.replace("\0", "").splitlines()]
    lines = [
        LogLine(seq=seq + number, at=site.clock.now(), level="error", text=text[:1000])
        for number, text in enumerate(texts, start=1)
    ]
    with contextlib.suppress(LeaseLostError):
        await runs.renew(lease, lease_s=site.settings.worker.lease_s, log=lines)
        if run.cancel_requested_by:
            await runs.finish(lease, state=State.CANCELLED, summary=f"cancelled by {run.cancel_requested_by}")
        elif run.attempt < run.max_attempts:
            await runs.release(lease, reason=f"{reason}; attempt {run.attempt} of {run.max_attempts}, runs again")
        else:
            text = ErrorText(
                what=f"the run's process died {run.attempt} times",
                where=f"run {run.id}",
                why=reason,
                next_step=f"look at its log, then pumphouse runs retry {run.id}",
                kind="infra",
            )
            await runs.finish(lease, state=State.FAILED, summary=text.what, error=text)
        _log.warning("a run was recovered", run_id=run.id, reason=reason)


class Sweeper:
    """Finds runs that nobody executes any more.

    A dead process of this machine is known at once. A lease that ran out counts only after it has stayed so for
    EXPIRED_FOR_S of our own time; if its process lives here, it is killed first, so that no run executes twice at once.
    """

    def __init__(self, site: Site, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.site = site
        self._monotonic = monotonic
        self._seen: dict[tuple[str, float | None], float] = {}

    async def sweep(self) -> None:
        """Look once. Raises InfraError where the database cannot be used."""
        expired = {lease.token for _, lease in await self.site.runs.expired()}
        seen_before, self._seen = self._seen, {}
        for run, lease in await self.site.runs.held():
            owner = Owner.parse(run.owner or "")
            if owner.is_alive is False:
                await recover(self.site, lease, reason=f"the process {owner.pid} that executed the run is gone")
            elif lease.token in expired and self._has_stayed(run, lease, seen_before):
                owner.kill_group()
                await recover(self.site, lease, reason=f"the process on {owner.host} stopped renewing its lease")

    def _has_stayed(self, run: RunSummary, lease: Lease, seen_before: dict[tuple[str, float | None], float]) -> bool:
        key = (lease.token, run.lease_until)
        self._seen[key] = first = seen_before.get(key, self._monotonic())
        return self._monotonic() - first >= EXPIRED_FOR_S

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The executor for many machines: Procrastinate on PostgreSQL wakes workers up, the run table decides.

A Procrastinate job carries only a run's id and means "there may be something to do". Each worker dispatches: it looks
for queued runs that are due and have no waiting job, and defers one. So a run that was created, retried, given back
or recovered anywhere needs no second transaction, and a job that comes too often finds nothing to claim and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import procrastinate
import sqlalchemy as sa
from procrastinate import exceptions

from pumphouse.core import tables
from pumphouse.core.errors import InfraError
from pumphouse.core.jobs.nursery import Nursery
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.runs import is_due
from pumphouse.core.jobs.state import State
from pumphouse.core.jobs.supervisor import POLL_S, SWEEP_S, Sweeper, supervise
from pumphouse.core.log import get_logger
from pumphouse.core.site import Site

TASK = "pumphouse.execute_run"
AGAIN_S = 1.0  # after the database went away
SCHEMA_LOCK = 7_468_657  # an advisory lock, so that of several workers one makes Procrastinate's tables
DISPATCH_AT_ONCE = 100

_log = get_logger(__name__)


class ProcrastinateExecutor:
    """Executes runs as Procrastinate's worker, `slots` at a time."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.slots = site.settings.worker.slots
        self._owner = Owner.current()
        self._stop = asyncio.Event()
        self._sweeper = Sweeper(site)
        self._nursery = Nursery()
        self._executing = 0

    def stop(self) -> None:
        """Ask `serve` to give back what runs and to return."""
        self._stop.set()

    async def serve(self, *, until_idle: bool = False) -> None:
        """Work until `stop` is called; a database that goes away is waited for."""
        try:
            await self._serve(until_idle=until_idle)
        finally:
            await self._nursery.close()

    async def _serve(self, *, until_idle: bool) -> None:
        while not self._stop.is_set():
            try:
                await self._serve_once(until_idle=until_idle)
            except (exceptions.ConnectorException, InfraError, OSError) as error:
                _log.warning("the queue cannot use the database and tries again", reason=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), AGAIN_S)
            else:
                return

    async def _serve_once(self, *, until_idle: bool) -> None:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=self._conninfo(), min_size=1))
        app.task(name=TASK)(self._execute)
        async with app.open_async():
            await self._make_schema(app)
            worker = asyncio.ensure_future(
                app.run_worker_async(
                    concurrency=self.slots,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=2.0,
                )
            )
            dispatcher = asyncio.ensure_future(self._dispatch(app, until_idle=until_idle))
            try:
                await asyncio.wait({worker, dispatcher}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # A worker that is cancelled once stops fetching and waits for its jobs, which look at `stop`.
                self._stop_jobs_unless_lost(worker, dispatcher)
                for task in (worker, dispatcher):
                    task.cancel()
                ends = await asyncio.gather(worker, dispatcher, return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                    raise end

    def _stop_jobs_unless_lost(self, *tasks: asyncio.Future[None]) -> None:
        """End the jobs for good where the work is over; where the database was lost, they go on by themselves."""
        if all(task.cancelled() or not task.done() or task.exception() is None for task in tasks):
            self._stop.set()

    async def _execute(self, run_id: int) -> None:
        lease = await self.site.runs.claim(owner=self._owner, lease_s=self.site.settings.worker.lease_s, run_id=run_id)
        if lease is None:
            return
        self._executing += 1
        try:
            await supervise(self.site, lease, nursery=self._nursery, stop=self._stop)
        finally:
            self._executing -= 1

    async def _dispatch(self, app: procrastinate.App, *, until_idle: bool) -> None:
        """Defer a job for each run that waits for one, and sweep, until told to stop."""
        swept = 0.0
        while not self._stop.is_set():
            if time.monotonic() - swept > SWEEP_S:
                await self._sweeper.sweep()
                swept = time.monotonic()
            for run_id in await self._runs_without_job():
                with contextlib.suppress(exceptions.AlreadyEnqueued):
                    await app.configure_task(TASK, queueing_lock=_lock(run_id)).defer_async(run_id=run_id)
            if until_idle and not self._executing and not await self.site.runs.find(states=[State.QUEUED], limit=1):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), POLL_S)

    async def _runs_without_job(self) -> list[int]:
        run = tables.run
        job = sa.table("procrastinate_jobs", sa.column("queueing_lock"), sa.column("status"))
        waiting = (
            sa.select(sa.literal(1))
            .where(
                job.c.queueing_lock == sa.literal("run-").concat(sa.cast(run.c.id, sa.Text)),
                sa.cast(job.c.status, sa.Text) == "todo",
            )
            .exists()
        )
        due = self.site.database.now(self.site.clock.now())
        query = (
            sa.select(run.c.id)
            .where(run.c.state == State.QUEUED, is_due(due), ~waiting)
            .order_by(run.c.priority.desc(), run.c.id)
            .limit(DISPATCH_AT_ONCE)
        )
        async with self.site.database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def _make_schema(self, app: procrastinate.App) -> None:
        """Procrastinate's own tables, by its own schema manager, where they are missing.

        They are not in our migrations: they belong to the library and are needed only where it is the executor.
        """
        async with self.site.database.write() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
            found = (await connection.execute(sa.select(sa.func.to_regclass("procrastinate_jobs")))).scalar()
            if found is None:
                await app.schema_manager.apply_schema_async()

    def _conninfo(self) -> str:
        url = sa.make_url(self.site.database.url).set(drivername="postgresql")
        return url.render_as_string(hide_password=False)


def _lock(run_id: int) -> str:
    return f"run-{run_id}"

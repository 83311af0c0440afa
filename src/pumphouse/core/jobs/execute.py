# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One run in this process: take over the lease, work, keep the lease, end in exactly one way.

the job returns             done, with its outcome
UserError                   failed at once: the same input would fail again
InfraError                  queued again with a delay while attempts are left, else failed
any other exception         failed, with the traceback in the log: a bug
cancel was requested        cancelled
SIGTERM                     queued again, and the attempt does not count
the lease is lost           nothing is written; another executor has the run
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from pumphouse.core.errors import ErrorText, InfraError, PumphouseError
from pumphouse.core.jobs.context import RunContext
from pumphouse.core.jobs.job import Job, Outcome
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import Lease, Run
from pumphouse.core.jobs.runs import LeaseLostError
from pumphouse.core.jobs.state import State
from pumphouse.core.log import get_logger

if TYPE_CHECKING:
    from pumphouse.core.site import Site

FLUSH_S = 0.3  # how often news are stored
LOOK_S = 1.0  # how often the lease is renewed, and cancel noticed, when there are none
RETRY_DELAY_S = (5.0, 30.0)  # after the first and the second failure of the infrastructure

_log = get_logger(__name__)


class _CancelledByPersonError(Exception):
    """Somebody asked for the run to end."""


async def execute(site: Site, lease: Lease, job: Job | None, *, stop: asyncio.Event) -> None:
    """Execute the run of `lease` and store how it ended. `stop` set means: give the run back and return."""
    lease_s = site.settings.worker.lease_s
    try:
        await site.runs.adopt(lease, owner=Owner.current(), lease_s=lease_s)
        run = await site.runs.get(lease.run_id)
        context = await _prepare(site, lease, run)
    except LeaseLostError:
        return
    try:
        outcome = await _work(context, job, lease_s=lease_s, stop=stop)
        await context.flush(lease_s=lease_s)
        await site.runs.finish(
            lease,
            state=State.DONE,
            verdict=outcome.verdict,
            is_no=outcome.is_no,
            summary=outcome.summary,
            result=msgspec.to_builtins(outcome.result),
        )
    except LeaseLostError:
        _log.warning("the lease was lost, another executor has the run", run_id=lease.run_id)
    except BaseException as error:  # noqa: BLE001  every way to end is stored, also KeyboardInterrupt
        with contextlib.suppress(LeaseLostError):
            await _store_failure(site, context, lease, run, error)
    finally:
        shutil.rmtree(context.work_dir, ignore_errors=True)


async def _prepare(site: Site, lease: Lease, run: Run) -> RunContext:
    work_dir = site.data_dir / "work" / str(run.id)
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir(parents=True)
    tail = await site.runs.log_tail(run.id, limit=1)
    return RunContext(
        site=site,
        runs=site.runs,
        lease=lease,
        kind=run.kind,
        params=run.params,
        work_dir=work_dir,
        last_seq=tail[-1].seq if tail else 0,
    )


async def _work(context: RunContext, job: Job | None, *, lease_s: float, stop: asyncio.Event) -> Outcome:
    """The job's outcome, while the lease is kept. What ends it early is raised after the job has cleaned up."""
    if job is None:
        raise InfraError(
            f"no part of this program executes runs of the kind {context.kind!r}",
            where=f"run {context.run_id}",
            why="the part is not installed here, or it is an older version",
            next_step="install the part where the worker runs, then retry the run",
        )
    ended = asyncio.Event()
    work = asyncio.ensure_future(job.perform(context))
    keeper = asyncio.ensure_future(_keep(context, lease_s=lease_s, ended=ended))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, keeper, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        if keeper.done():
            keeper.result()  # raises why the keeping ended
        raise asyncio.CancelledError  # stop was set
    finally:
        # The keeper is not cancelled: a flush that is cut off may have been committed, and would be repeated.
        ended.set()
        for task in (work, stopped):
            task.cancel()
        await asyncio.gather(work, keeper, stopped, return_exceptions=True)


async def _keep(context: RunContext, *, lease_s: float, ended: asyncio.Event) -> None:
    """Renew the lease and store news until the work has ended. Raises when the run must end."""
    renewed = looked = time.monotonic()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), FLUSH_S)
            return
        now = time.monotonic()
        if not context.has_news and now - looked < LOOK_S:
            continue
        try:
            asked_by = await context.flush(lease_s=lease_s)
        except InfraError as error:
            # Past the lease another executor may begin, so this one must have ended by then.
            if now - renewed > lease_s * 0.7:
                raise LeaseLostError(str(error)) from error
            continue
        renewed = looked = now
        if asked_by:
            raise _CancelledByPersonError(asked_by)


async def _store_failure(site: Site, context: RunContext, lease: Lease, run: Run, error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        context.log("the worker was stopped; the run continues when a worker is there", level="warning")
        await context.flush(lease_s=60)
        await site.runs.release(lease, reason="waits for a worker; the last one was stopped", counts=False)
        return
    if isinstance(error, _CancelledByPersonError):
        context.log(f"cancelled by {error}", level="warning")
        await context.flush(lease_s=60)
        await site.runs.finish(lease, state=State.CANCELLED, summary=f"cancelled by {error}")
        return
    text = _error_text(error)
    for line in text.lines():
        context.log(line, level="error")
    if not isinstance(error, PumphouseError):
        for line in "".join(traceback.format_exception(error)).splitlines():
            context.log(line, level="error")
    if isinstance(error, InfraError) and run.attempt < run.max_attempts:
        delay_s = RETRY_DELAY_S[min(run.attempt, len(RETRY_DELAY_S)) - 1]
        reason = f"attempt {run.attempt} of {run.max_attempts} failed: {text.what}; next in {delay_s:.0f} s"
        context.log(reason, level="warning")
        await context.flush(lease_s=60)
        await site.runs.release(lease, reason=reason, delay_s=delay_s)
        return
    await context.flush(lease_s=60)
    await site.runs.finish(lease, state=State.FAILED, summary=text.what, error=text)


def _error_text(error: BaseException) -> ErrorText:
    if isinstance(error, PumphouseError):
        return error.text
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return ErrorText(
        what=f"a bug in Pumphouse: {type(error).__name__}: {error}",
        where=where,
        next_step="report it with the run's log; retrying will likely fail the same way",
        kind="bug",
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run table: the truth about every piece of work.

Each change is one UPDATE that names the state (and, for an executor, the lease token) it expects, so that of two
processes that try the same thing one succeeds and the other is told. An executor that lost its lease learns it at its
next write and must stop.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pumphouse.core import tables
from pumphouse.core.db import plain_rows
from pumphouse.core.errors import ConflictError, ErrorText
from pumphouse.core.events import publish
from pumphouse.core.jobs import events
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.read import SUMMARY_COLUMNS, RunReader, no_such_run
from pumphouse.core.jobs.records import Artifact, Lease, LogLine, Measurement, Run, RunSummary, Step
from pumphouse.core.jobs.state import State

_RUN = tables.run


AT_ONCE = 0.0  # the time before which nothing waits, whatever the clock says
LONGEST_DELAY_S = 3600.0


def is_due(now: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
    """Whether a queued run may be claimed. One that would wait longer than any delay waits for a clock set back."""
    return sa.or_(_RUN.c.not_before <= now, _RUN.c.not_before > now + LONGEST_DELAY_S)


class LeaseLostError(Exception):
    """The executor no longer holds the run; it must stop and write nothing more."""


class Runs(RunReader):
    """The runs of one site, for looking and for changing."""

    # Asking for work

    async def create(
        self,
        *,
        kind: str,
        title: str,
        params: dict[str, Any],
        actor: str,
        priority: int = 0,
        parent_id: int | None = None,
        max_attempts: int = 3,
        idempotency_key: str | None = None,
    ) -> Run:
        """A new queued run, or the run that was created with the same `idempotency_key` before."""
        run_id, _ = await self._insert(
            kind=kind,
            title=title,
            params=params,
            actor=actor,
            priority=priority,
            parent_id=parent_id,
            max_attempts=max_attempts,
            idempotency_key=idempotency_key,
            claim=None,
        )
        return await self.get(run_id)

    async def create_claimed(
        self, *, kind: str, title: str, params: dict[str, Any], actor: str, owner: Owner, lease_s: float
    ) -> Lease:
        """A new run that `owner` executes from the start: no worker can take it first. For the command line."""
        token = secrets.token_hex(16)
        run_id, _ = await self._insert(
            kind=kind,
            title=title,
            params=params,
            actor=actor,
            priority=0,
            parent_id=None,
            max_attempts=3,
            idempotency_key=None,
            claim=(owner, token, lease_s),
        )
        return Lease(run_id=run_id, token=token)

    async def cancel(self, run_id: int, *, actor: str) -> Run:
        """Ask for the run to end. A queued one ends at once, a running one when its executor has stopped everything.

        Raises NotFoundError, and ConflictError where the run has ended already.
        """
        now = self.clock.now()
        async with self.database.write() as connection:
            kind = await self._kind(connection, run_id)
            ended = await _change(
                connection,
                sa.and_(_RUN.c.id == run_id, _RUN.c.state == State.QUEUED),
                now,
                state=State.CANCELLED,
                finished_at=now,
                cancel_requested_by=actor,
                summary=f"cancelled by {actor} before it started",
            )
            if ended:
                await self._publish_end(connection, run_id, actor)
            elif await _change(
                connection,
                sa.and_(_RUN.c.id == run_id, _RUN.c.state == State.RUNNING),
                now,
                cancel_requested_by=actor,
            ):
                await publish(connection, events.RunCancelRequested(run_id=run_id, kind=kind), actor=actor, at=now)
            else:
                raise ConflictError(
                    f"run {run_id} has ended and cannot be cancelled",
                    where=f"run {run_id}",
                    next_step=f"pumphouse runs show {run_id} tells how it ended",
                )
        return await self.get(run_id)

    async def retry(self, run_id: int, *, actor: str) -> Run:
        """Queue a failed or cancelled run again; it continues after the steps that are done.

        Raises NotFoundError, and ConflictError in any other state.
        """
        now = self.clock.now()
        async with self.database.write() as connection:
            kind = await self._kind(connection, run_id)
            changed = await _change(
                connection,
                sa.and_(_RUN.c.id == run_id, _RUN.c.state.in_([State.FAILED, State.CANCELLED])),
                now,
                state=State.QUEUED,
                attempt=0,
                not_before=AT_ONCE,
                finished_at=None,
                cancel_requested_by=None,
                error=None,
                summary="",
                verdict="",
                is_no=False,
                progress_text="",
            )
            if not changed:
                raise ConflictError(
                    f"run {run_id} is not failed or cancelled, so there is nothing to retry",
                    where=f"run {run_id}",
                    next_step=f"pumphouse runs show {run_id} tells its state",
                )
            note = events.RunRequeued(run_id=run_id, kind=kind, reason=f"retried by {actor}")
            await publish(connection, note, actor=actor, at=now)
        return await self.get(run_id)

    # Executing

    async def claim(self, *, owner: Owner, lease_s: float, run_id: int | None = None) -> Lease | None:
        """The lease of the next queued run (or of `run_id`, where that is queued), or None where there is none."""
        now = self.clock.now()
        due = self.database.now(now)
        next_run = (
            sa.select(_RUN.c.id)
            .where(_RUN.c.state == State.QUEUED, is_due(due))
            .order_by(_RUN.c.priority.desc(), _RUN.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if run_id is not None:
            next_run = next_run.where(_RUN.c.id == run_id)
        token = secrets.token_hex(16)
        async with self.database.write() as connection:
            query = (
                sa.update(_RUN)
                .where(_RUN.c.id == next_run.scalar_subquery(), _RUN.c.state == State.QUEUED)
                .values(
                    state=State.RUNNING,
                    attempt=_RUN.c.attempt + 1,
                    owner=str(owner),
                    lease_token=token,
                    lease_until=due + lease_s,
                    started_at=now,
                    updated_at=now,
                    revision=_RUN.c.revision + 1,
                )
                .returning(_RUN.c.id, _RUN.c.kind, _RUN.c.attempt)
            )
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            started = events.RunStarted(run_id=row.id, kind=row.kind, attempt=row.attempt, owner=str(owner))
            await publish(connection, started, actor="worker", at=now)
        return Lease(run_id=row.id, token=token)

    async def adopt(self, lease: Lease, *, owner: Owner, lease_s: float) -> None:
        """Make `owner`, usually the process started for the run, the holder of the lease. Raises LeaseLostError."""
        now = self.clock.now()
        async with self.database.write() as connection:
            await self._hold(connection, lease, now, owner=str(owner), lease_until=self.database.now(now) + lease_s)

    async def renew(
        self,
        lease: Lease,
        *,
        lease_s: float,
        progress: float | None = None,
        progress_text: str | None = None,
        log: Sequence[LogLine] = (),
    ) -> str | None:
        """Keep the lease, and store progress and log lines with it. Returns who asked for the run to be cancelled.

        Raises LeaseLostError.
        """
        now = self.clock.now()
        values: dict[str, Any] = {"lease_until": self.database.now(now) + lease_s}
        if progress is not None:
            values["progress"] = min(1.0, max(0.0, progress))
        if progress_text is not None:
            values["progress_text"] = progress_text[:300]
        async with self.database.write() as connection:
            if log:
                rows = [msgspec.structs.asdict(line) | {"run_id": lease.run_id} for line in log]
                # A flush whose answer was lost may have been committed: the same lines again are no news.
                insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
                await connection.execute(insert(tables.run_log).on_conflict_do_nothing(), rows)
            await self._hold(connection, lease, now, **values)
            query = sa.select(_RUN.c.cancel_requested_by).where(_RUN.c.id == lease.run_id)
            asked: str | None = (await connection.execute(query)).scalar()
        return asked

    async def begin_step(self, lease: Lease, name: str) -> Step:
        """The step as it stands: done with its result, or newly begun. Raises LeaseLostError."""
        now = self.clock.now()
        table = tables.run_step
        this = sa.and_(table.c.run_id == lease.run_id, table.c.name == name)
        async with self.database.write() as connection:
            await self._hold(connection, lease, now)
            rows = plain_rows(await connection.execute(sa.select(table).where(this)))
            if rows and rows[0]["state"] == "done":
                return msgspec.convert(rows[0], Step)
            if not rows:
                last = sa.select(sa.func.max(table.c.position)).where(table.c.run_id == lease.run_id)
                position = int((await connection.execute(last)).scalar() or 0) + 1
                values = {"run_id": lease.run_id, "name": name, "position": position}
                await connection.execute(sa.insert(table).values(**values, state="running", started_at=now))
            else:
                position = rows[0]["position"]
                await connection.execute(
                    sa.update(table).where(this).values(state="running", started_at=now, finished_at=None)
                )
        return Step(name=name, position=position, state="running", started_at=now, finished_at=None)

    async def end_step(self, lease: Lease, name: str, *, state: str, result: Any = None) -> None:
        """Store how a step ended. Raises LeaseLostError."""
        now = self.clock.now()
        table = tables.run_step
        async with self.database.write() as connection:
            await self._hold(connection, lease, now)
            await connection.execute(
                sa.update(table)
                .where(table.c.run_id == lease.run_id, table.c.name == name)
                .values(state=state, finished_at=now, result=result)
            )

    async def add_artifact(self, lease: Lease, artifact: Artifact) -> None:
        """Record an artifact, in place of an older one of the same name. Raises LeaseLostError."""
        table = tables.run_artifact
        async with self.database.write() as connection:
            await self._hold(connection, lease, self.clock.now())
            await connection.execute(
                sa.delete(table).where(table.c.run_id == lease.run_id, table.c.name == artifact.name)
            )
            row = msgspec.structs.asdict(artifact) | {"run_id": lease.run_id}
            await connection.execute(sa.insert(table).values(**row))

    async def add_measurements(self, lease: Lease, measurements: Sequence[Measurement]) -> None:
        """Record measurements, in place of older ones with the same name and labels. Raises LeaseLostError."""
        table = tables.run_measurement
        async with self.database.write() as connection:
            await self._hold(connection, lease, self.clock.now())
            for item in measurements:
                row = msgspec.structs.asdict(item) | {
                    "run_id": lease.run_id,
                    "labels": json.dumps(item.labels, sort_keys=True),
                }
                same = [table.c[key] == row[key] for key in ("run_id", "name", "labels")]
                await connection.execute(sa.delete(table).where(*same))
                await connection.execute(sa.insert(table).values(**row))

    async def finish(
        self,
        lease: Lease,
        *,
        state: State,
        verdict: str = "",
        is_no: bool = False,
        summary: str = "",
        result: Any = None,
        error: ErrorText | None = None,
    ) -> None:
        """End the run. Raises LeaseLostError."""
        now = self.clock.now()
        async with self.database.write() as connection:
            await self._hold(
                connection,
                lease,
                now,
                state=state,
                verdict=verdict,
                is_no=is_no,
                summary=summary,
                result=result,
                error=msgspec.to_builtins(error) if error else None,
                finished_at=now,
                owner=None,
                lease_token=None,
                lease_until=None,
                **({"progress": 1.0, "progress_text": ""} if state is State.DONE else {}),
            )
            await self._drop_unfinished_steps(connection, lease.run_id)
            await self._publish_end(connection, lease.run_id, "worker")

    async def release(self, lease: Lease, *, reason: str, delay_s: float = 0.0, counts: bool = True) -> None:
        """Queue the run again; `counts` False takes the attempt back (the executor was stopped, nothing failed).

        Raises LeaseLostError.
        """
        now = self.clock.now()
        async with self.database.write() as connection:
            await self._hold(
                connection,
                lease,
                now,
                state=State.QUEUED,
                attempt=_RUN.c.attempt if counts else _RUN.c.attempt - 1,
                not_before=self.database.now(now) + delay_s if delay_s else AT_ONCE,
                progress_text=reason[:300],
                owner=None,
                lease_token=None,
                lease_until=None,
            )
            await self._drop_unfinished_steps(connection, lease.run_id)
            kind = await self._kind(connection, lease.run_id)
            note = events.RunRequeued(run_id=lease.run_id, kind=kind, reason=reason)
            await publish(connection, note, actor="worker", at=now)

    async def expired(self) -> list[tuple[RunSummary, Lease]]:
        """Running runs whose lease has run out."""
        due = self.database.now(self.clock.now())
        return await self._leased(_RUN.c.lease_until < due)

    async def held(self) -> list[tuple[RunSummary, Lease]]:
        """All running runs with their leases."""
        return await self._leased(sa.true())

    async def _leased(self, condition: sa.ColumnElement[bool]) -> list[tuple[RunSummary, Lease]]:
        query = sa.select(*SUMMARY_COLUMNS, _RUN.c.lease_token).where(_RUN.c.state == State.RUNNING, condition)
        rows = await self._rows(query)
        return [(msgspec.convert(row, RunSummary), Lease(run_id=row["id"], token=row["lease_token"])) for row in rows]

    # Inside

    async def _insert(
        self, *, actor: str, idempotency_key: str | None, claim: tuple[Owner, str, float] | None, **values: Any
    ) -> tuple[int, bool]:
        now = self.clock.now()
        row: dict[str, Any] = values | {
            "idempotency_key": idempotency_key,
            "state": State.QUEUED,
            "created_by": actor,
            "created_at": now,
            "updated_at": now,
            "not_before": AT_ONCE,
            "revision": 1,
            "attempt": 0,
            "progress": 0.0,
            "progress_text": "",
            "verdict": "",
            "summary": "",
            "is_no": False,
        }
        if claim is not None:
            owner, token, lease_s = claim
            row |= {
                "state": State.RUNNING,
                "attempt": 1,
                "started_at": now,
                "owner": str(owner),
                "lease_token": token,
                "lease_until": self.database.now(now) + lease_s,
            }
        try:
            async with self.database.write() as connection:
                run_id: int = (
                    await connection.execute(sa.insert(_RUN).values(**row).returning(_RUN.c.id))
                ).scalar_one()
                created = events.RunCreated(run_id=run_id, kind=row["kind"])
                await publish(connection, created, actor=actor, at=now)
        except exc.IntegrityError:
            async with self.database.read() as connection:
                query = sa.select(_RUN.c.id).where(_RUN.c.idempotency_key == idempotency_key)
                existing: int | None = (await connection.execute(query)).scalar()
            if idempotency_key is None or existing is None:
                raise
            return existing, False
        return run_id, True

    async def _hold(self, connection: AsyncConnection, lease: Lease, now: float, **values: Any) -> None:
        """Change the run of a lease, or raise LeaseLostError (and roll back) where the lease is no longer held."""
        holds = sa.and_(_RUN.c.id == lease.run_id, _RUN.c.state == State.RUNNING, _RUN.c.lease_token == lease.token)
        if not await _change(connection, holds, now, **values):
            raise LeaseLostError(f"run {lease.run_id}")

    async def _kind(self, connection: AsyncConnection, run_id: int) -> str:
        kind: str | None = (await connection.execute(sa.select(_RUN.c.kind).where(_RUN.c.id == run_id))).scalar()
        if kind is None:
            raise no_such_run(run_id)
        return kind

    async def _drop_unfinished_steps(self, connection: AsyncConnection, run_id: int) -> None:
        table = tables.run_step
        await connection.execute(sa.delete(table).where(table.c.run_id == run_id, table.c.state == "running"))

    async def _publish_end(self, connection: AsyncConnection, run_id: int, actor: str) -> None:
        row = (await connection.execute(sa.select(_RUN).where(_RUN.c.id == run_id))).one()
        ended = events.RunFinished(
            run_id=run_id, kind=row.kind, state=row.state, verdict=row.verdict, summary=row.summary
        )
        await publish(connection, ended, actor=actor, at=self.clock.now())


async def _change(connection: AsyncConnection, condition: sa.ColumnElement[bool], now: float, **values: Any) -> bool:
    query = sa.update(_RUN).where(condition).values(updated_at=now, revision=_RUN.c.revision + 1, **values)
    return bool((await connection.execute(query)).rowcount)

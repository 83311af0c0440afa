# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading the run table: single runs, lists, steps, logs, artifacts, measurements."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from pumphouse.core import tables
from pumphouse.core.artifacts import ArtifactStore
from pumphouse.core.clock import Clock, SystemClock
from pumphouse.core.db import Database, plain_rows
from pumphouse.core.errors import NotFoundError
from pumphouse.core.jobs.records import Artifact, LogLine, Measurement, Run, RunSummary, Step
from pumphouse.core.jobs.state import State

_RUN = tables.run
SUMMARY_COLUMNS = [_RUN.c[name] for name in RunSummary.__struct_fields__]


class RunReader:
    """The runs of one site, for looking."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self.database = database
        self.clock = clock or SystemClock()

    async def get(self, run_id: int) -> Run:
        """The whole run. Raises NotFoundError."""
        async with self.database.read() as connection:
            rows = plain_rows(await connection.execute(sa.select(_RUN).where(_RUN.c.id == run_id)))
        if not rows:
            raise no_such_run(run_id)
        return msgspec.convert(rows[0], Run)

    async def find(
        self,
        *,
        states: Sequence[State] = (),
        kind_prefix: str = "",
        parent_id: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[RunSummary]:
        """Runs, newest first; `before` is the id below which to go on (keyset pagination)."""
        query = sa.select(*SUMMARY_COLUMNS).order_by(_RUN.c.id.desc()).limit(limit)
        if states:
            query = query.where(_RUN.c.state.in_([str(state) for state in states]))
        if kind_prefix:
            query = query.where(_RUN.c.kind.startswith(kind_prefix, autoescape=True))
        if parent_id is not None:
            query = query.where(_RUN.c.parent_id == parent_id)
        if before is not None:
            query = query.where(_RUN.c.id < before)
        return await self._summaries(query)

    async def changed_since(self, updated_at: float) -> list[RunSummary]:
        """Runs whose row changed at or after a time, oldest change first. For live feeds, which compare revisions."""
        query = sa.select(*SUMMARY_COLUMNS).where(_RUN.c.updated_at >= updated_at)
        return await self._summaries(query.order_by(_RUN.c.updated_at))

    async def count_by_state(self) -> dict[str, int]:
        """How many runs there are in each state."""
        query = sa.select(_RUN.c.state, sa.func.count()).group_by(_RUN.c.state)
        async with self.database.read() as connection:
            return dict((await connection.execute(query)).all())

    async def steps(self, run_id: int) -> list[Step]:
        """The steps of a run, in the order in which they were first begun."""
        table = tables.run_step
        rows = await self._rows(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.position))
        return [msgspec.convert(row, Step) for row in rows]

    async def log(self, run_id: int, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
        """Log lines with a `seq` above `after`, oldest first."""
        table = tables.run_log
        query = sa.select(table).where(table.c.run_id == run_id, table.c.seq > after)
        rows = await self._rows(query.order_by(table.c.seq).limit(limit))
        return [msgspec.convert(row, LogLine) for row in rows]

    async def log_tail(self, run_id: int, *, limit: int = 200) -> list[LogLine]:
        """The last `limit` log lines, oldest first."""
        table = tables.run_log
        query = sa.select(table).where(table.c.run_id == run_id)
        rows = await self._rows(query.order_by(table.c.seq.desc()).limit(limit))
        return [msgspec.convert(row, LogLine) for row in reversed(rows)]

    async def artifacts(self, run_id: int) -> list[Artifact]:
        """The artifacts of a run, by name."""
        table = tables.run_artifact
        rows = await self._rows(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.name))
        return [msgspec.convert(row, Artifact) for row in rows]

    async def artifact_path(self, run_id: int, name: str, store: ArtifactStore) -> Path:
        """Where an artifact's content is. Raises NotFoundError where run, artifact or content is not there."""
        await self.get(run_id)
        found = await self.artifacts(run_id)
        for artifact in found:
            if artifact.name == name:
                return store.path(artifact.sha256)
        raise NotFoundError(
            f"run {run_id} has no artifact {name!r}",
            next_step=f"it has: {', '.join(item.name for item in found) or 'none'}",
        )

    async def measurements(self, run_id: int) -> list[Measurement]:
        """The measurements of a run, in the order in which they were made."""
        table = tables.run_measurement
        rows = await self._rows(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.id))
        return [msgspec.convert(row | {"labels": json.loads(row["labels"])}, Measurement) for row in rows]

    async def expected_duration_s(self, kind: str) -> float | None:
        """How long a run of this kind took lately (median of the last nine that were done), None without history."""
        query = (
            sa.select(_RUN.c.finished_at - _RUN.c.started_at)
            .where(_RUN.c.kind == kind, _RUN.c.state == State.DONE)
            .order_by(_RUN.c.id.desc())
            .limit(9)
        )
        async with self.database.read() as connection:
            durations = list((await connection.execute(query)).scalars())
        return statistics.median(durations) if durations else None

    async def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            return plain_rows(await connection.execute(query))

    async def _summaries(self, query: sa.Select[Any]) -> list[RunSummary]:
        return [msgspec.convert(row, RunSummary) for row in await self._rows(query)]


def no_such_run(run_id: int) -> NotFoundError:
    """The error for a run id that is not in the table."""
    return NotFoundError(f"there is no run {run_id}", next_step="pumphouse runs list shows the runs there are")

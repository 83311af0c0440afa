# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a job is given: its parameters, and the ways to tell and to keep what it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pumphouse.core.errors import InfraError
from pumphouse.core.jobs.records import Artifact, Lease, LogLine, Measurement
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.log import get_logger

if TYPE_CHECKING:
    from pumphouse.core.site import Site

Stored = TypeVar("Stored")

AWAY_S = 0.5  # between two tries of a write while the database is away
MAX_LINE = 4000  # characters; a longer log line is cut, and says so
MAX_LINES = 50_000  # in one attempt; what comes after is counted and not kept

_log = get_logger(__name__)


class RunContext:
    """The hands of a job. Log and progress return at once and are stored by the executor a moment later."""

    def __init__(
        self, *, site: Site, runs: Runs, lease: Lease, kind: str, params: dict[str, Any], work_dir: Path, last_seq: int
    ) -> None:
        self.site = site
        self.run_id = lease.run_id
        self.kind = kind
        self.params = params
        self.work_dir = work_dir  # a folder of this run alone, emptied before each attempt
        self._runs = runs
        self._lease = lease
        self._seq = last_seq
        self._first_seq = last_seq
        self._pending: list[LogLine] = []
        self._progress: float | None = None
        self._progress_text: str | None = None

    def log(self, text: str, *, level: str = "info") -> None:
        """Add one line to the run's log."""
        if self._seq - self._first_seq >= MAX_LINES:
            return
        self._seq += 1
        if self._seq - self._first_seq == MAX_LINES:
            level, text = "warning", f"the log has {MAX_LINES} lines; what follows is not kept"
        if len(text) > MAX_LINE:
            text = f"{text[:MAX_LINE]} [cut, {len(text)} characters]"
        # PostgreSQL takes no NUL in a text.
        self._pending.append(
            LogLine(seq=self._seq, at=self._runs.clock.now(), level=level, text=text.replace("\0", "␀"))
        )

    def advance(self, fraction: float, text: str = "") -> None:
        """Tell how far the run is (0 to 1) and what it does now."""
        self._progress, self._progress_text = fraction, text

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """The result of `work()` as plain JSON values, from the table where an earlier attempt has done this step."""
        step = await self._patiently(lambda: self._runs.begin_step(self._lease, name))
        if step.state == "done":
            self.log(f"{name}: done before, kept")
            return step.result
        try:
            result = msgspec.to_builtins(await work())
        except BaseException:
            with contextlib.suppress(InfraError):  # the run's own end says it as well
                await self._runs.end_step(self._lease, name, state="failed")
            raise
        # What is done is stored also when the run is being stopped: otherwise it would be done again.
        storing = asyncio.ensure_future(
            self._patiently(lambda: self._runs.end_step(self._lease, name, state="done", result=result))
        )
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(storing, AWAY_S)
            raise
        return result

    async def artifact(self, name: str, content: Path | bytes, *, media_type: str) -> Artifact:
        """Keep a file with the run; an older one of the same name is replaced."""
        sha256, size = self.site.artifacts.add(content)
        artifact = Artifact(
            name=name, media_type=media_type, size=size, sha256=sha256, created_at=self._runs.clock.now()
        )
        await self._patiently(lambda: self._runs.add_artifact(self._lease, artifact))
        return artifact

    async def measure(self, *measurements: Measurement) -> None:
        """Keep numbers with their units."""
        await self._patiently(lambda: self._runs.add_measurements(self._lease, measurements))

    async def _patiently(self, write: Callable[[], Awaitable[Stored]]) -> Stored:
        """Do a write, again while the database is away: what is done must not be done twice because of that.

        It ends at the latest when the lease can no longer be renewed, for then the executor cancels the job.
        """
        while True:
            try:
                return await write()
            except InfraError as error:
                _log.warning("the database is away, the run waits for it", run_id=self.run_id, reason=str(error))
                await asyncio.sleep(AWAY_S)

    async def flush(self, *, lease_s: float) -> str | None:
        """Store what is pending and renew the lease; returns who asked for the run to be cancelled."""
        lines, self._pending = self._pending, []
        progress, text = self._progress, self._progress_text
        self._progress = self._progress_text = None
        try:
            return await self._runs.renew(
                self._lease, lease_s=lease_s, progress=progress, progress_text=text, log=lines
            )
        except BaseException:
            self._pending = lines + self._pending
            if self._progress is None:
                self._progress, self._progress_text = progress, text
            raise

    @property
    def has_news(self) -> bool:
        """Whether there is something that `flush` would store."""
        return bool(self._pending) or self._progress is not None

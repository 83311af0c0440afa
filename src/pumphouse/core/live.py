# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The live feed: looks at the tables while somebody watches, and hands out what changed.

Each watcher has a bounded queue. One that does not take its messages is dropped to a snapshot: its queue is emptied,
and it reads the present state when it is ready again. So it never delays another, and the server never holds more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import msgspec

from pumphouse.core.clock import Clock
from pumphouse.core.db import Database
from pumphouse.core.duration import time_left_s
from pumphouse.core.errors import InfraError
from pumphouse.core.events import StoredEvent, last_event_id, read_events
from pumphouse.core.jobs.records import LogLine, RunSummary
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.jobs.state import State
from pumphouse.core.log import get_logger

LOOK_S = 0.25
OVERLAP_S = 5.0  # how far back each look goes: changes are stored a moment after the time that they carry
QUEUE_MESSAGES = 100
QUEUE_BYTES = 500_000
LOG_LINES = 200
LOOK_AGAIN_S = 2.0  # after the tables could not be looked at
MAX_TOPICS = 20
RECENT_RUNS = 100

_log = get_logger(__name__)


class RunNews(msgspec.Struct, frozen=True, kw_only=True, tag="run", tag_field="type"):
    """A run as it is now; `left_s` is how long it still takes, where that is known."""

    run: RunSummary
    left_s: float | None


class StepNews(msgspec.Struct, frozen=True, kw_only=True, tag="steps", tag_field="type"):
    """The names and states of a run's steps."""

    run_id: int
    steps: list[tuple[str, str]]


class LogNews(msgspec.Struct, frozen=True, kw_only=True, tag="log", tag_field="type"):
    """Lines of a run's log. They may begin with lines that were sent before, and after a gap: `seq` tells."""

    run_id: int
    lines: list[LogLine]


class EventNews(msgspec.Struct, frozen=True, kw_only=True, tag="event", tag_field="type"):
    """An event as it was stored."""

    event: StoredEvent


class Trouble(msgspec.Struct, frozen=True, kw_only=True, tag="trouble", tag_field="type"):
    """The tables cannot be looked at now; what was sent last may be old. `what` is empty when it is over."""

    what: str


News = RunNews | StepNews | LogNews | EventNews | Trouble


class Watcher:
    """One client: its topics, and the messages that wait for it."""

    def __init__(self, feed: LiveFeed) -> None:
        self._feed = feed
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._ready = asyncio.Event()
        self.is_behind = False
        self.topics: set[str] = set()
        self.logs: dict[int, int] = {}  # run -> the last line queued

    async def watch(self, topics: list[str]) -> None:
        """Watch these topics instead of the ones before; the present state of each is queued first.

        runs           every run
        run:41         one run and its steps
        log:41:120     the log of one run after line 120
        events:venue.  events whose name begins so
        """
        self.logs = {}
        self.topics = set()
        for topic in topics[:MAX_TOPICS]:
            name, _, rest = topic.partition(":")
            if name == "log":
                run_id, _, after = rest.partition(":")
                if run_id.isdecimal() and (not after or after.isdecimal()):
                    self.logs[int(run_id)] = int(after or 0)
                    self.topics.add(f"log:{run_id}")
            else:
                self.topics.add(topic)
        self._drop_to_snapshot()

    def offer(self, message: bytes) -> None:
        """Queue a message, or drop to a snapshot where the queue is full."""
        if self.is_behind:
            return
        if len(self._queue) >= QUEUE_MESSAGES or self._queued_bytes + len(message) > QUEUE_BYTES:
            self.logs = dict.fromkeys(self.logs, 0)  # what was queued is lost, so the end of each log is sent again
            self._drop_to_snapshot()
            return
        self._queue.append(message)
        self._queued_bytes += len(message)
        self._ready.set()

    async def take(self) -> list[bytes]:
        """What to send next; waits until there is something."""
        await self._ready.wait()
        if self.is_behind:
            self.is_behind = False
            messages = await self._feed.snapshot(self)
            if not self._queue and not self.is_behind:
                self._ready.clear()
            return messages
        messages = list(self._queue)
        self._empty()
        self._ready.clear()
        return messages

    def _empty(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0

    def _drop_to_snapshot(self) -> None:
        self._empty()
        self.is_behind = True
        self._ready.set()


class LiveFeed:
    """The feed of one site. `expected_s` tells how long a run of a kind takes, from history or a guess."""

    def __init__(
        self, *, database: Database, clock: Clock, expected_s: Callable[[str], Awaitable[float | None]]
    ) -> None:
        self.database = database
        self.runs = Runs(database, clock)
        self.watchers: set[Watcher] = set()
        self._clock = clock
        self._expected_s = expected_s
        self._looking: asyncio.Task[None] | None = None
        self._seen: dict[int, int] = {}  # run -> the revision handed out last
        self._looked_at = 0.0
        self._event_id: int | None = None
        self._trouble = ""

    @contextlib.asynccontextmanager
    async def watcher(self) -> AsyncIterator[Watcher]:
        """A new watcher, for as long as the block lasts."""
        watcher = Watcher(self)
        self.watchers.add(watcher)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_while_watched())
        try:
            yield watcher
        finally:
            self.watchers.discard(watcher)

    async def close(self) -> None:
        """Stop looking."""
        self.watchers.clear()
        if self._looking:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    async def snapshot(self, watcher: Watcher) -> list[bytes]:
        """The present state of everything that a watcher watches."""
        news: list[News] = []
        try:
            for topic in sorted(watcher.topics):
                news += await self._present(topic, watcher)
        except InfraError as error:
            news = [Trouble(what=error.text.what)]
        return [msgspec.json.encode(item) for item in news]

    async def _present(self, topic: str, watcher: Watcher) -> list[News]:
        name, _, rest = topic.partition(":")
        if topic == "runs":
            return [await self._tell(run) for run in reversed(await self.runs.find(limit=RECENT_RUNS))]
        if name == "run" and rest.isdecimal():
            found = await self.runs.find(before=int(rest) + 1, limit=1)
            if found and found[0].id == int(rest):
                return [await self._tell(found[0]), await self._steps(found[0].id)]
        if name == "log" and rest.isdecimal():
            return [log] if (log := await self._tail(int(rest), watcher)) else []
        return []

    async def _tail(self, run_id: int, watcher: Watcher) -> LogNews | None:
        after = watcher.logs.get(run_id, 0)
        lines = [line for line in await self.runs.log_tail(run_id, limit=LOG_LINES) if line.seq > after]
        if not lines:
            return None
        watcher.logs[run_id] = max(watcher.logs.get(run_id, 0), lines[-1].seq)
        return LogNews(run_id=run_id, lines=lines)

    async def _look_while_watched(self) -> None:
        self._seen = {}
        self._looked_at = self._clock.now()
        self._event_id = None
        try:
            while self.watchers:
                try:
                    async with _Changes(self.database) as changes:
                        while self.watchers:
                            if await changes.any() or self._trouble:
                                await self._look()
                            await asyncio.sleep(LOOK_S)
                except InfraError as error:
                    self._hand_out(Trouble(what=error.text.what))
                    self._trouble = error.text.what
                    _log.warning("the live feed cannot look at the tables", reason=error.text.what)
                    await asyncio.sleep(LOOK_AGAIN_S)
                except Exception:  # noqa: BLE001  a bug here must be seen in the log, and must not end the feed
                    _log.exception("a bug in the live feed")
                    await asyncio.sleep(LOOK_AGAIN_S)
        finally:
            self._looking = None

    async def _look(self) -> None:
        changed = await self.runs.changed_since(self._looked_at - OVERLAP_S)
        fresh = [run for run in changed if self._seen.get(run.id) != run.revision]
        for run in fresh:
            await self._hand_out_run(run)
        self._seen = {run.id: run.revision for run in changed}
        # A wall clock that was set back must not make the feed blind until it catches up.
        self._looked_at = min([max([self._looked_at, *(run.updated_at for run in changed)]), self._clock.now()])
        await self._hand_out_events()
        if self._trouble:
            self._trouble = ""
            self._hand_out(Trouble(what=""))

    async def _hand_out_run(self, run: RunSummary) -> None:
        one = f"run:{run.id}"
        self._hand_out(await self._tell(run), "runs", one)
        if self._watched(one):
            self._hand_out(await self._steps(run.id), one)
        if readers := [watcher for watcher in self.watchers if run.id in watcher.logs and not watcher.is_behind]:
            await self._hand_out_log(run.id, readers)

    async def _hand_out_log(self, run_id: int, readers: list[Watcher]) -> None:
        after = min(watcher.logs[run_id] for watcher in readers)
        lines = await self.runs.log(run_id, after=after, limit=LOG_LINES + 1)
        if len(lines) > LOG_LINES:
            lines = await self.runs.log_tail(run_id, limit=LOG_LINES)
        for watcher in readers:
            new = [line for line in lines if line.seq > watcher.logs.get(run_id, 0)]
            if new and run_id in watcher.logs:
                watcher.logs[run_id] = new[-1].seq
                watcher.offer(msgspec.json.encode(LogNews(run_id=run_id, lines=new)))

    async def _hand_out_events(self) -> None:
        prefixes = {topic for watcher in self.watchers for topic in watcher.topics if topic.startswith("events:")}
        if not prefixes:
            self._event_id = None
            return
        if self._event_id is None:
            self._event_id = await last_event_id(self.database)
        for event in await read_events(self.database, after=self._event_id):
            self._event_id = event.id
            matching = [topic for topic in prefixes if event.name.startswith(topic.removeprefix("events:"))]
            self._hand_out(EventNews(event=event), *matching)

    def _watched(self, topic: str) -> bool:
        return any(topic in watcher.topics for watcher in self.watchers)

    def _hand_out(self, news: News, *topics: str) -> None:
        """To the watchers of any of the topics; to all of them where none is named."""
        message = msgspec.json.encode(news)
        for watcher in self.watchers:
            if not topics or not watcher.topics.isdisjoint(topics):
                watcher.offer(message)

    async def _tell(self, run: RunSummary) -> RunNews:
        return RunNews(run=run, left_s=await self.left_s(run))

    async def left_s(self, run: RunSummary) -> float | None:
        """How long a running run still takes, None where that is not known."""
        if run.state is not State.RUNNING or run.started_at is None:
            return None
        elapsed_s = self._clock.now() - run.started_at
        return time_left_s(run.progress, elapsed_s, await self._expected_s(run.kind))

    async def _steps(self, run_id: int) -> StepNews:
        return StepNews(run_id=run_id, steps=[(step.name, step.state) for step in await self.runs.steps(run_id)])


class _Changes:
    """Tells cheaply whether a SQLite file changed (PRAGMA data_version on a connection of its own); else always yes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = contextlib.AsyncExitStack()
        self._connection: Any = None
        self._version: int | None = None

    async def __aenter__(self) -> Self:
        if self._database.is_sqlite:
            self._connection = await self._stack.enter_async_context(self._database.read())
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    async def any(self) -> bool:
        """Whether anything was committed since the last call."""
        if self._connection is None:
            return True
        version: int = (await self._connection.exec_driver_sql("PRAGMA data_version")).scalar()
        await self._connection.rollback()  # inside a transaction the version would stand still
        before, self._version = self._version, version
        return version != before

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The live feed, looked for by the test instead of by the clock."""

import json

import pytest

from pumphouse.core import live
from pumphouse.core.clock import SettableClock
from pumphouse.core.db import Database, metadata, sqlite_url
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import LogLine
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.live import LiveFeed, Watcher, _Changes

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

OWNER = Owner("elsewhere", "boot", "ns", 1, 1)


@pytest.fixture
async def runs(tmp_path):
    database = Database(sqlite_url(tmp_path / "x.db"))
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield Runs(database, SettableClock())
    await database.close()


@pytest.fixture
async def feed(runs):
    async def expected_s(_kind):
        return 100.0

    return LiveFeed(database=runs.database, clock=runs.clock, expected_s=expected_s)


async def join(feed, *topics):
    watcher = Watcher(feed)
    feed.watchers.add(watcher)
    await watcher.watch(list(topics))
    return watcher


async def taken(watcher):
    return [json.loads(message) for message in await watcher.take()]


def kinds(messages):
    return [message["type"] for message in messages]


async def claimed(runs):
    return await runs.create_claimed(kind="demo.x", title="x", params={}, actor="me", owner=OWNER, lease_s=99)


def lines(*numbers):
    return [LogLine(seq=number, at=0.0, level="info", text=f"line {number}") for number in numbers]


async def test_a_watcher_gets_the_present_state_first_and_then_what_changed(runs, feed):
    lease = await claimed(runs)
    watcher = await join(feed, f"run:{lease.run_id}")
    first = await taken(watcher)
    assert kinds(first) == ["run", "steps"]
    assert (first[0]["run"]["state"], first[0]["left_s"]) == ("running", 100.0)
    await feed._look()
    await taken(watcher)  # what changed within the overlap comes once more
    runs.clock.move(50)
    await runs.renew(lease, lease_s=99, progress=0.5, progress_text="half")
    await runs.begin_step(lease, "boot")
    await feed._look()
    run, steps = await taken(watcher)
    assert (run["run"]["progress"], run["run"]["progress_text"], run["left_s"]) == (0.5, "half", 50.0)
    assert steps["steps"] == [["boot", "running"]]


async def test_nothing_is_sent_twice_and_nothing_to_those_who_watch_something_else(runs, feed):
    lease, other = await claimed(runs), await claimed(runs)
    watcher, elsewhere = await join(feed, "runs"), await join(feed, f"run:{other.run_id}")
    for each in (watcher, elsewhere):
        await each.take()
    await feed._look()
    for each in (watcher, elsewhere):
        await each.take()
    await feed._look()
    assert not watcher._ready.is_set()
    await runs.renew(lease, lease_s=99, progress=0.1)
    await feed._look()
    assert [message["run"]["id"] for message in await taken(watcher)] == [lease.run_id]
    assert not elsewhere._ready.is_set()


async def test_a_log_goes_on_after_the_line_that_the_page_has(runs, feed):
    lease = await claimed(runs)
    await runs.renew(lease, lease_s=99, log=lines(1, 2, 3))
    watcher = await join(feed, f"log:{lease.run_id}:2")
    (log,) = await taken(watcher)
    assert [line["seq"] for line in log["lines"]] == [3]
    await feed._look()
    await runs.renew(lease, lease_s=99, log=lines(4, 5))
    await feed._look()
    (log,) = await taken(watcher)
    assert [line["text"] for line in log["lines"]] == ["line 4", "line 5"]


async def test_a_flood_of_lines_is_cut_to_its_end(runs, feed, monkeypatch):
    monkeypatch.setattr(live, "LOG_LINES", 5)
    lease = await claimed(runs)
    watcher = await join(feed, f"log:{lease.run_id}")
    await watcher.take()
    await runs.renew(lease, lease_s=99, log=lines(*range(1, 21)))
    await feed._look()
    (log,) = await taken(watcher)
    assert [line["seq"] for line in log["lines"]] == [16, 17, 18, 19, 20]


async def test_a_slow_watcher_is_dropped_to_a_snapshot_and_delays_nobody(runs, feed, monkeypatch):
    monkeypatch.setattr(live, "QUEUE_MESSAGES", 4)
    lease = await claimed(runs)
    slow = await join(feed, f"run:{lease.run_id}", f"log:{lease.run_id}")
    quick = await join(feed, f"run:{lease.run_id}")
    await slow.take()
    for number in range(1, 10):
        runs.clock.move(1)
        await runs.renew(lease, lease_s=99, progress=number / 10, log=lines(number))
        await feed._look()
        assert any(message.get("run", {}).get("progress") == number / 10 for message in await taken(quick))
        assert len(slow._queue) <= 4
    caught_up = await taken(slow)
    assert kinds(caught_up) == ["log", "run", "steps"]
    assert [line["seq"] for line in caught_up[0]["lines"]] == list(range(1, 10))
    assert caught_up[1]["run"]["progress"] == 0.9
    await runs.renew(lease, lease_s=99, log=lines(10))
    await feed._look()
    assert [line["seq"] for line in (await taken(slow))[-1]["lines"]] == [10]


async def test_events_are_handed_out_by_the_beginning_of_their_name(runs, feed):
    watcher, other = await join(feed, "events:run."), await join(feed, "events:venue.")
    for each in (watcher, other):
        assert await each.take() == []
    await feed._look()
    await runs.create(kind="demo.x", title="x", params={}, actor="me")
    await feed._look()
    (news,) = await taken(watcher)
    assert (news["event"]["name"], news["event"]["data"]["kind"]) == ("run.created", "demo.x")
    assert not other._ready.is_set()


async def test_topics_that_mean_nothing_are_ignored_and_their_number_is_bounded(feed):
    watcher = await join(feed, "run:x", "log:1:x", "log:", "cards", *[f"run:{n}" for n in range(100)])
    assert len(watcher.topics) <= live.MAX_TOPICS
    assert await watcher.take() == []


async def test_a_wall_clock_that_was_set_back_does_not_make_the_feed_blind(runs, feed):
    lease = await claimed(runs)
    watcher = await join(feed, "runs")
    await watcher.take()
    await feed._look()
    await watcher.take()
    runs.clock.move(-3600)
    await feed._look()
    await runs.renew(lease, lease_s=99, progress=0.7)
    await feed._look()
    assert (await taken(watcher))[-1]["run"]["progress"] == 0.7


async def test_changes_of_other_connections_are_noticed_without_reading_the_tables(runs):
    async with _Changes(runs.database) as changes:
        assert await changes.any()
        assert not await changes.any()
        await runs.create(kind="demo.x", title="x", params={}, actor="me")
        assert await changes.any()
        assert not await changes.any()

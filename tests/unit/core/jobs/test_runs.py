# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from pumphouse.core.artifacts import ArtifactStore
from pumphouse.core.clock import SettableClock
from pumphouse.core.db import Database, metadata, sqlite_url
from pumphouse.core.errors import ConflictError, NotFoundError
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import Artifact, Measurement
from pumphouse.core.jobs.runs import LeaseLostError, Runs
from pumphouse.core.jobs.state import State

pytestmark = [pytest.mark.unit, pytest.mark.anyio]
OWNER = Owner("elsewhere", "boot", "ns", 1, 1)


@pytest.fixture
async def runs(tmp_path):
    database = Database(sqlite_url(tmp_path / "x.db"))
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield Runs(database, SettableClock())
    await database.close()


async def make(runs, **more):
    return await runs.create(kind="demo.x", title="x", params={}, actor="me", **more)


async def test_of_many_claims_at_once_each_run_goes_to_one(runs):
    for _ in range(5):
        await make(runs)
    leases = await asyncio.gather(*(runs.claim(owner=OWNER, lease_s=9) for _ in range(12)))
    won = [lease.run_id for lease in leases if lease]
    assert sorted(won) == [1, 2, 3, 4, 5]


async def test_a_higher_priority_goes_first_then_the_older(runs):
    for priority in (0, 5, 5, 9):
        await make(runs, priority=priority)
    order = [(await runs.claim(owner=OWNER, lease_s=9)).run_id for _ in range(4)]
    assert order == [4, 2, 3, 1]


async def test_a_delayed_run_is_not_claimed_before_its_time(runs):
    await make(runs)
    lease = await runs.claim(owner=OWNER, lease_s=9)
    await runs.release(lease, reason="tired", delay_s=30)
    assert await runs.claim(owner=OWNER, lease_s=9) is None
    runs.clock.move(31)
    assert (await runs.claim(owner=OWNER, lease_s=9)).run_id == 1


async def test_a_clock_that_is_set_back_delays_no_run(runs):
    await make(runs)
    runs.clock.move(-100_000)
    assert (await runs.claim(owner=OWNER, lease_s=9)).run_id == 1


async def test_a_step_that_is_done_keeps_its_result_and_an_unfinished_one_begins_again(runs):
    await make(runs)
    lease = await runs.claim(owner=OWNER, lease_s=9)
    await runs.begin_step(lease, "first")
    await runs.end_step(lease, "first", state="done", result={"us": 7})
    await runs.begin_step(lease, "second")
    await runs.release(lease, reason="stopped")
    lease = await runs.claim(owner=OWNER, lease_s=9)
    assert (await runs.begin_step(lease, "first")).result == {"us": 7}
    assert (await runs.begin_step(lease, "second")).state == "running"
    assert [step.name for step in await runs.steps(1)] == ["first", "second"]


async def test_a_stale_lease_writes_nothing(runs):
    await make(runs)
    old = await runs.claim(owner=OWNER, lease_s=9)
    await runs.release(old, reason="lost")
    new = await runs.claim(owner=OWNER, lease_s=9)
    artifact = Artifact(name="a", media_type="text/plain", size=1, sha256="0" * 64, created_at=0.0)
    measurement = Measurement(name="m", value=1, unit="us", labels={})
    for attempt in (
        runs.begin_step(old, "s"),
        runs.end_step(old, "s", state="done"),
        runs.add_artifact(old, artifact),
        runs.add_measurements(old, [measurement]),
        runs.adopt(old, owner=OWNER, lease_s=9),
        runs.renew(old, lease_s=9),
    ):
        with pytest.raises(LeaseLostError):
            await attempt
    assert await runs.steps(1) == []
    assert await runs.artifacts(1) == []
    assert await runs.measurements(1) == []
    await runs.finish(new, state=State.DONE, summary="well")
    assert (await runs.get(1)).summary == "well"


async def test_measurements_and_artifacts_of_the_same_name_are_replaced(runs):
    await make(runs)
    lease = await runs.claim(owner=OWNER, lease_s=9)
    for value in (1.0, 2.0):
        await runs.add_measurements(
            lease,
            [
                Measurement(name="p50", value=value, unit="us", labels={"boot": "1", "kernel": "rt"}),
                Measurement(name="p50", value=value, unit="us", labels={}),
            ],
        )
    assert [(item.value, item.labels) for item in await runs.measurements(1)] == [
        (2.0, {"boot": "1", "kernel": "rt"}),
        (2.0, {}),
    ]


async def test_the_expected_duration_is_the_median_of_what_was_done(runs):
    assert await runs.expected_duration_s("demo.x") is None
    for seconds in (10, 500, 30):
        await make(runs)
        lease = await runs.claim(owner=OWNER, lease_s=9)
        runs.clock.move(seconds)
        await runs.finish(lease, state=State.DONE)
    assert await runs.expected_duration_s("demo.x") == 30


async def test_an_unknown_run_says_how_to_find_the_known(runs):
    for attempt in (runs.get(7), runs.cancel(7, actor="me"), runs.retry(7, actor="me")):
        with pytest.raises(NotFoundError, match="there is no run 7") as caught:
            await attempt
        assert "runs list" in caught.value.text.next_step


async def test_a_run_that_was_made_claimed_is_not_given_to_a_worker(runs):
    lease = await runs.create_claimed(kind="demo.x", title="x", params={}, actor="me", owner=OWNER, lease_s=9)
    assert await runs.claim(owner=OWNER, lease_s=9) is None
    with pytest.raises(ConflictError):
        await runs.retry(lease.run_id, actor="me")


async def test_pages_go_on_below_the_last_id(runs):
    for _ in range(5):
        await make(runs)
    first = await runs.find(limit=2)
    assert [run.id for run in first] == [5, 4]
    assert [run.id for run in await runs.find(limit=9, before=4)] == [3, 2, 1]
    assert [run.id for run in await runs.find(states=[State.DONE])] == []
    assert len(await runs.find(kind_prefix="demo.")) == 5
    assert await runs.find(kind_prefix="demo_") == []


async def test_an_artifact_is_found_by_name_and_a_wrong_name_lists_the_right_ones(runs, tmp_path):
    store = ArtifactStore(tmp_path / "artifacts")
    await make(runs)
    lease = await runs.claim(owner=OWNER, lease_s=9)
    sha256, size = store.add(b"hello")
    await runs.add_artifact(
        lease, Artifact(name="a.txt", media_type="text/plain", size=size, sha256=sha256, created_at=0.0)
    )
    assert (await runs.artifact_path(1, "a.txt", store)).read_bytes() == b"hello"
    with pytest.raises(NotFoundError, match=r"no artifact 'b\.txt'") as caught:
        await runs.artifact_path(1, "b.txt", store)
    assert "a.txt" in caught.value.text.next_step
    store.path(sha256).unlink()
    with pytest.raises(NotFoundError, match="content of this artifact is gone"):
        await runs.artifact_path(1, "a.txt", store)

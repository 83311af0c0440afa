# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Procrastinate on a real PostgreSQL server, with worker processes that are killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import pytest

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.executor import make_executor
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site, create_site

pytestmark = [pytest.mark.net, pytest.mark.anyio, pytest.mark.usefixtures("demo_part")]

SETTINGS = '\n[database]\nurl = "env:TEST_DATABASE_URL"\n[worker]\nexecutor = "procrastinate"\nslots = 2\nlease_s = 8\n'


@pytest.fixture
async def sites(tmp_path, postgresql_server, monkeypatch):
    """Two sites that share a database, as two machines do."""
    monkeypatch.setenv("TEST_DATABASE_URL", postgresql_server.make_database())
    opened = []
    for name in ("one", "two"):
        create_site(tmp_path / name)
        with (tmp_path / name / "pumphouse.toml").open("a") as stream:
            stream.write(SETTINGS)
        opened.append(Site(tmp_path / name))
    await upgrade_schema(opened[0].database)
    yield opened
    for site in opened:
        await site.close()


def counted(trace):
    return [tuple(map(int, line.split())) for line in trace.read_text().splitlines()]


async def test_two_workers_share_two_hundred_runs_of_which_none_is_lost_or_doubled_while_one_is_killed(
    sites, tmp_path, worker, make, until
):
    trace = tmp_path / "trace"
    run_ids = [await make(sites[0], "demo.count", max_attempts=5, trace=str(trace), steps=1) for _ in range(200)]

    async def some_are_done():
        return len(counted(trace)) >= 40 if trace.exists() else False

    async def all_are_done():
        counts = await sites[0].runs.count_by_state()
        return sum(counts.get(state, 0) for state in (State.DONE, State.FAILED, State.CANCELLED)) == len(run_ids)

    with worker(sites[0]), worker(sites[1]) as doomed:
        await until(some_are_done, seconds=120)
        doomed.kill()
        doomed.wait()
        await until(all_are_done, seconds=300)
    assert await sites[0].runs.count_by_state() == {State.DONE: 200}
    assert sorted(counted(trace)) == [(run_id, 1) for run_id in run_ids]


async def test_a_database_that_is_restarted_loses_no_run(
    sites, tmp_path, worker, make, until, ended, postgresql_server
):
    trace = tmp_path / "trace"
    run_id = await make(sites[0], "demo.count", max_attempts=5, trace=str(trace), steps=12, pause_s=0.5)

    async def progressed():
        return (await sites[0].runs.get(run_id)).progress > 0

    with worker(sites[0]) as process:
        await until(progressed)
        await asyncio.to_thread(postgresql_server.stop)
        await asyncio.sleep(1)
        await asyncio.to_thread(postgresql_server.start)

        async def over():
            with contextlib.suppress(Exception):
                return await ended(sites[0], run_id)

        (run,) = await until(over, seconds=90)
        assert process.poll() is None
        later = await make(sites[0], "demo.count", trace=str(trace), steps=1)
        assert await until(lambda: ended(sites[0], later))
    assert run.state is State.DONE
    assert [number for found, number in counted(trace) if found == run_id] == list(range(1, 13))


async def test_a_stopped_worker_gives_its_run_back_within_three_seconds(sites, tmp_path, worker, make, until):
    run_id = await make(sites[0], "demo.count", trace=str(tmp_path / "trace"), steps=99, pause_s=0.2)

    async def progressed():
        return (await sites[0].runs.get(run_id)).progress > 0

    with worker(sites[0]) as process:
        await until(progressed)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 5) == 0
    run = await sites[0].runs.get(run_id)
    assert (run.state, run.owner) == (State.QUEUED, None)


async def test_procrastinate_on_sqlite_is_refused_with_both_ways_out(site_root):
    with (site_root / "pumphouse.toml").open("a") as stream:
        stream.write('\n[worker]\nexecutor = "procrastinate"\n')
    site = Site(site_root)
    with pytest.raises(UserError, match="needs PostgreSQL") as caught:
        make_executor(site)
    assert 'executor = "local"' in caught.value.text.next_step
    await site.close()

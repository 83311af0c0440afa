# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run table on PostgreSQL: the very tests that SQLite passes, and what only a server can do."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from pumphouse.core.clock import SettableClock
from pumphouse.core.db import Database, metadata
from pumphouse.core.errors import InfraError
from pumphouse.core.jobs.runs import Runs
from unit.core.jobs.test_runs import *  # noqa: F403  the same tests, with the fixture below
from unit.core.jobs.test_runs_machine import RunTable
from unit.core.test_schema import (  # noqa: F401
    test_a_newer_database_is_refused,
    test_the_migrations_make_exactly_the_tables_of_the_code,
)

pytestmark = [pytest.mark.net, pytest.mark.anyio]


@pytest.fixture
async def database(postgresql_server):
    database = Database(postgresql_server.make_database())
    yield database
    await database.close()


@pytest.fixture
async def runs(database):
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    return Runs(database, ServerSettableClock(database))


class ServerSettableClock(SettableClock):
    """Moves the server's idea of now with it: leases are judged by the server's clock, which a test cannot set."""

    def __init__(self, database):
        super().__init__()
        database.now = lambda clock_now: Database.now(_Sqlite, clock_now)


class _Sqlite:
    is_sqlite = True


class TestRunTableOnPostgresql(RunTable.TestCase):
    settings = settings(
        max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )

    @pytest.fixture(autouse=True)
    def _server(self, postgresql_server, monkeypatch):
        make_tables = RunTable.make_tables

        async def make_tables_by_our_clock(machine):
            await make_tables(machine)
            machine.database.now = lambda clock_now: Database.now(_Sqlite, clock_now)

        monkeypatch.setattr(RunTable, "make_url", lambda _machine: postgresql_server.make_database())
        monkeypatch.setattr(RunTable, "make_tables", make_tables_by_our_clock)


async def test_the_server_clock_judges_leases(database):
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    runs = Runs(database, SettableClock(0.0))  # a machine whose clock is fifty years slow
    await runs.create(kind="demo.x", title="x", params={}, actor="me")
    lease = await runs.claim(owner=OWNER, lease_s=60)  # noqa: F405
    assert lease is not None
    assert await runs.expired() == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://me@127.0.0.1:1/x", "refused"),
        ("postgresql://nobody-knows@127.0.0.1:{port}/postgres", "does not exist"),
        ("postgresql://pumphouse@127.0.0.1:{port}/none", "does not exist"),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_without_its_password(postgresql_server, url, why):
    database = Database(url.format(port=postgresql_server.port))
    with pytest.raises(InfraError, match="database cannot be used") as caught:
        async with database.read():
            pass
    assert why in caught.value.text.why
    assert "the server runs" in caught.value.text.next_step
    await database.close()

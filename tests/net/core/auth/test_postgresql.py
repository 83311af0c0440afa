# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Accounts, sessions, links, tokens and the live feed on PostgreSQL: the very tests that SQLite passes."""

from __future__ import annotations

import pytest

from pumphouse.core.clock import SettableClock
from pumphouse.core.db import Database, metadata
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.site import Site
from unit.core.auth.test_auth import *  # noqa: F403  the same tests, with the fixtures below
from unit.core.test_live import (  # noqa: F401
    feed,
    test_a_log_goes_on_after_the_line_that_the_page_has,
    test_a_watcher_gets_the_present_state_first_and_then_what_changed,
    test_events_are_handed_out_by_the_beginning_of_their_name,
)

pytestmark = [pytest.mark.net, pytest.mark.anyio]


@pytest.fixture
async def site(site_root, postgresql_server, monkeypatch):
    monkeypatch.setenv("PUMPHOUSE_TEST_DATABASE", postgresql_server.make_database())
    (site_root / "pumphouse.toml").write_text('[database]\nurl = "env:PUMPHOUSE_TEST_DATABASE"\n')
    site = Site(site_root, clock=SettableClock())
    async with site.database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield site
    await site.close()


@pytest.fixture
async def runs(postgresql_server):
    database = Database(postgresql_server.make_database())
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield Runs(database, SettableClock())
    await database.close()

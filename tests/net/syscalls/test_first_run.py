# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The first run of a new site, with the kernel of this machine, and its page."""

from __future__ import annotations

import asyncio

import pytest
from litestar.testing import AsyncTestClient

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.shell.asgi import create_asgi
from pumphouse.syscalls import jobs
from pumphouse.syscalls.kinds import PROBE

pytestmark = [pytest.mark.net, pytest.mark.anyio]


async def test_the_kernel_of_this_machine_is_asked_and_its_page_shows_the_answer(site_root):
    site = Site(site_root)
    await upgrade_schema(site.database)
    lease = await site.runs.create_claimed(
        kind=PROBE, title="t", params={}, actor="me", owner=Owner.current(), lease_s=60
    )
    await execute(site, lease, jobs.jobs()[PROBE], stop=asyncio.Event())
    run = await site.runs.get(lease.run_id)
    assert run.state is State.DONE, run.error
    async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
        answer = await client.get("/syscalls")
        assert answer.status_code == 200
        assert "calls that were asked" in answer.text
        facts = (await client.get("/api/syscalls/matrix")).json()["facts"]
    await site.close()
    # The database is as true as this kernel: nothing that mainline has is refused here without a reason.
    asked = [fact for fact in facts if fact["mark"] not in {"", "unknown"}]
    assert len(asked) > 100
    assert sum(fact["mark"] == "both" for fact in asked) > len(asked) / 2

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run that probes: what it keeps, what it says, what it refuses. The kernel's answers are a file here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.syscalls import jobs
from pumphouse.syscalls.kinds import PROBE, ProbeRequest, queue_first_runs, write_command, write_title

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

SEEN = json.loads((Path(__file__).parents[2] / "data" / "syscalls" / "probe_6.18.json").read_text())


class Answers:
    """A report with the answers of a file."""

    def to_data(self):
        return SEEN


@pytest.fixture
async def site(site_root):
    opened = Site(site_root)
    await upgrade_schema(opened.database)
    yield opened
    await opened.close()


@pytest.fixture
def asked(monkeypatch):
    """What the job asks the prober for."""
    calls = []
    monkeypatch.setattr(jobs, "probe", lambda names, *, cache: calls.append((names, cache)) or Answers())
    return calls


async def perform(site, **params):
    lease = await site.runs.create_claimed(
        kind=PROBE, title="t", params=params, actor="me", owner=Owner.current(), lease_s=60
    )
    await execute(site, lease, jobs.jobs()[PROBE], stop=asyncio.Event())
    return await site.runs.get(lease.run_id)


async def test_a_probe_asks_anew_and_keeps_the_answers(site, asked):
    run = await perform(site)
    assert asked == [(None, False)]
    assert run.state is State.DONE
    assert run.summary.startswith("6.18.44 has 46 of the 47 calls that were asked")
    assert run.verdict == "as mainline"
    assert run.result == SEEN
    path = await site.runs.artifact_path(run.id, "probe.json", site.artifacts)
    assert json.loads(path.read_text()) == SEEN
    measured = {item.name: (item.value, item.unit) for item in await site.runs.measurements(run.id)}
    assert measured["flag words answered"] == (68, "words")
    assert measured["time to probe"][1] == "ms"
    lines = [line.text for line in await site.runs.log(run.id)]
    assert any(line.startswith("listns: missing") for line in lines)


async def test_the_calls_that_are_named_are_asked(site, asked):
    await perform(site, names=["openat2"])
    assert asked == [(["openat2"], False)]


async def test_parameters_of_another_shape_fail_the_run_with_a_reason(site, asked):
    run = await perform(site, names=7)
    assert run.state is State.FAILED
    assert "not understood" in run.error.what
    assert asked == []


async def test_a_new_site_queues_one_probe_however_often_it_starts(site):
    await queue_first_runs(site)
    await queue_first_runs(site)
    (run,) = await site.runs.find(kind_prefix=PROBE)
    assert run.state is State.QUEUED
    assert run.priority > 0  # it is done before what takes minutes


def test_the_command_does_the_same_as_the_run():
    assert write_command(ProbeRequest()) == "pumphouse syscalls probe --no-cache"
    assert write_command(ProbeRequest(names=["openat2"])) == "pumphouse syscalls probe --no-cache openat2"
    assert write_title(ProbeRequest(names=["openat2"])) == "Ask this kernel about openat2"

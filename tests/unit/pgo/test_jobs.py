# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run `pgo.tune` and its pages, on the model of compiler and board."""

from __future__ import annotations

import asyncio
import html
import re

import pytest
from litestar.testing import AsyncTestClient

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.pgo import jobs
from pumphouse.pgo.domain.bundle import read_bundle
from pumphouse.pgo.fake import FakeBench
from pumphouse.pgo.kinds import TUNE
from pumphouse.pgo.web import pages
from pumphouse.shell.asgi import create_asgi

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

PARAMS = {"board": "fake", "workload": "redis"}


@pytest.fixture
async def site(site_root):
    opened = Site(site_root)
    await upgrade_schema(opened.database)
    yield opened
    await opened.close()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """The bench that the run opens; tests change what it does."""
    made = []

    def open_bench(_request, workload, *, folder):
        if not made:
            made.append(FakeBench(folder=tmp_path / "kernels", workload=workload))
        return made[0]

    monkeypatch.setattr(jobs, "open_bench", open_bench)
    return open_bench(None, jobs.read_workload("redis"), folder=tmp_path)


async def tune(site, params=None, *, stop=None):
    lease = await site.runs.create_claimed(
        kind=TUNE, title="t", params=params or PARAMS, actor="me", owner=Owner.current(), lease_s=60
    )
    await execute(site, lease, jobs.jobs()[TUNE], stop=stop or asyncio.Event())
    return await site.runs.get(lease.run_id)


async def fetch(site, path):
    async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def test_a_tuning_tells_what_each_phase_gained_and_keeps_the_profile(site):
    run = await tune(site)
    assert (run.state, run.verdict, run.is_no) == (State.DONE, "better", False), run.error
    phases = {phase["name"]: phase for phase in run.result["phases"]}
    assert phases["plain"]["shown"]
    assert phases["plain"]["kernel_instructions"] == pytest.approx(-5.8, abs=0.05)
    assert not phases["unix-socket"]["shown"]
    assert set(phases["plain"]["control"]) == {"kernel_instructions", "taken_branches", "l1i_misses"}
    assert run.summary.endswith("A/A 0.0 %; no phase got worse")
    path = await site.runs.artifact_path(run.id, "profile.bundle", site.artifacts)
    assert sorted(read_bundle(path.read_bytes(), name="b").profile) == ["kernel/sched/core", "net/ipv4/tcp_output"]
    report = (await site.runs.artifact_path(run.id, "report.txt", site.artifacts)).read_text(encoding="utf-8")
    assert "Left out: mm/mmap.gcda: it is cut off after 60 bytes." in report
    assert "2 of 2 objects used their profile" in report
    assert [line for line in report.splitlines() if len(line) > 80 and "/" not in line] == []


async def test_what_got_worse_stands_first_and_in_the_answer(site, bench):
    bench.loss_percent = 2.6
    run = await tune(site)
    assert run.verdict == "mixed"
    assert not run.result["phases"][0]["trained"]
    assert "got worse by 2.6 %" in run.summary


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rebuilt_differs_percent": 3.0}, "A/A differs"),
        ({"log": ["ignored kernel/sched/core.o 0 40"]}, "no object used its profile"),
        ({"failure": UserError("instrumentation is left in this kernel")}, "instrumentation is left"),
    ],
)
async def test_what_cannot_be_believed_stops_the_run_with_the_reason(site, bench, change, said):
    for name, value in change.items():
        setattr(bench, name, value)
    run = await tune(site)
    assert run.state is State.FAILED
    assert said in run.error.what


async def test_an_object_that_was_built_without_its_profile_is_named(site, bench):
    bench.log = ["used kernel/sched/core.o 40 2", "quarantine net/ipv4/tcp_output.o 0 0 internal compiler error"]
    run = await tune(site)
    assert run.state is State.DONE
    text = await fetch(site, f"/runs/{run.id}")
    assert "built without its profile net/ipv4/tcp_output : internal compiler error" in text


async def test_a_tuning_that_was_cut_off_does_no_step_twice(site, bench, monkeypatch):
    trained = []
    train = FakeBench.train

    async def count(self, kernel, progress):
        trained.append(kernel.release)
        return await train(self, kernel, progress)

    measured = []
    monkeypatch.setattr(FakeBench, "train", count)
    real = FakeBench.measure
    stop = asyncio.Event()

    async def stop_at_first_boot(self, kernel, *, seed, progress):
        if not measured:
            measured.append(seed)
            stop.set()
            await asyncio.sleep(60)
        return await real(self, kernel, seed=seed, progress=progress)

    monkeypatch.setattr(FakeBench, "measure", stop_at_first_boot)
    run = await tune(site, stop=stop)
    assert run.state is State.QUEUED
    again = await site.runs.claim(owner=Owner.current(), lease_s=60, run_id=run.id)
    await execute(site, again, jobs.jobs()[TUNE], stop=asyncio.Event())
    run = await site.runs.get(run.id)
    assert run.state is State.DONE, run.error
    assert len(trained) == 1


async def test_a_bundle_from_elsewhere_takes_the_place_of_training(site, tmp_path):
    first = await tune(site)
    path = await site.runs.artifact_path(first.id, "profile.bundle", site.artifacts)
    run = await tune(site, {**PARAMS, "profile": str(path)})
    assert run.state is State.DONE, run.error
    assert not [step for step in await site.runs.steps(run.id) if step.name == "train"]
    assert run.result["profile"]["counters_nonzero"] == 4


async def test_parameters_that_are_not_understood_fail_with_the_next_step(site):
    run = await tune(site, {"board": "fake", "speed": 3})
    assert run.state is State.FAILED
    assert "speed" in run.error.why


async def test_the_page_answers_first_and_shows_the_evidence(site):
    text = await fetch(site, "/pgo")
    assert "No kernel has been tuned here yet" in text
    assert await pages.show_cards(site) == []
    run = await tune(site)
    text = await fetch(site, "/pgo")
    assert text.index(run.summary) < text.index("Each phase against the base") < text.index("What was compared")
    assert "bit by bit the same image" in text
    (card,) = await pages.show_cards(site)
    assert (card.body, card.state) == (run.summary, "good")


async def test_the_button_asks_for_what_the_command_asks():
    (startable,) = pages.pages().startables
    assert startable.has_defaults
    assert startable.command(startable.params()) == "pumphouse pgo tune"

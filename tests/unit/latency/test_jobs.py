# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run that compares, executed on the fake board: what it keeps, how it continues, how it fails."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.lab.fake import PANIC, TIMER_PANIC
from pumphouse.latency import bench, jobs
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.request import CompareRequest, plan_boots
from pumphouse.latency.fake import open_fake_kernel
from pumphouse.latency.kinds import COMPARE, queue_first_runs

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

FAKE = {"board": "fake", "a": "fake:stock", "b": "fake:realtime", "cycles": 1000}
JOB = jobs.jobs()[COMPARE]


@pytest.fixture
async def site(site_root):
    opened = Site(site_root)
    await upgrade_schema(opened.database)
    yield opened
    await opened.close()


@pytest.fixture
def board(monkeypatch):
    """The fake board that every comparison of the test boots on, so that it can be counted and made to fail."""
    opened = bench.open_bench(CompareRequest(**FAKE))
    monkeypatch.setattr(jobs, "open_bench", lambda _request: opened)
    return opened.lab


async def start(site, **params: Any):
    return await site.runs.create_claimed(
        kind=COMPARE, title="t", params=FAKE | params, actor="me", owner=Owner.current(), lease_s=60
    )


async def perform(site, lease):
    await execute(site, lease, JOB, stop=asyncio.Event())
    return await site.runs.get(lease.run_id)


async def compare(site, **params: Any):
    return await perform(site, await start(site, **params))


async def again(site, run):
    """Execute a run that waits for its next attempt, now."""
    async with site.database.write() as connection:
        await connection.exec_driver_sql("UPDATE run SET not_before = 0")
    lease = await site.runs.claim(owner=Owner.current(), lease_s=60, run_id=run.id)
    return await perform(site, lease)


async def texts(site, run):
    return [line.text for line in await site.runs.log(run.id)]


async def test_a_comparison_ends_with_its_answer_and_its_evidence(site):
    run = await compare(site)
    assert (run.state, run.verdict, run.is_no) == (State.DONE, "better", False)
    comparison = msgspec.convert(run.result, Comparison)
    assert run.summary == comparison.answer
    assert comparison.unit == "modelled microseconds"
    assert [len(side.boots) for side in (comparison.a, comparison.b)] == [5, 5]
    order = sorted([(boot.position, "a", boot.number) for boot in comparison.a.boots]
                   + [(boot.position, "b", boot.number) for boot in comparison.b.boots])  # fmt: skip
    assert [(side, number) for _, side, number in order] == plan_boots(5, run.id)


async def test_every_boot_is_a_step_and_leaves_its_files(site):
    run = await compare(site)
    names = {step.name for step in await site.runs.steps(run.id)}
    boots = {f"{side}{number}" for side in "ab" for number in range(1, 6)}
    assert names == {"kernel a", "kernel b", *(f"boot {name}" for name in boots)}
    artifacts = {item.name for item in await site.runs.artifacts(run.id)}
    assert artifacts == {
        "report.txt",
        "comparison.json",
        "picture.png",
        *(
            f"{name}-{file}.{kind}"
            for name in boots
            for file, kind in [
                ("cyclictest", "json"),
                *((text, "txt") for text in ("clocks", "console", "cyclictest", "load", "status", "threads")),
            ]
        ),
    }
    path = await site.runs.artifact_path(run.id, "comparison.json", site.artifacts)
    assert msgspec.json.decode(path.read_bytes()) == run.result


async def test_every_figure_is_a_measurement_and_the_report_tells_the_command(site):
    run = await compare(site)
    found = await site.runs.measurements(run.id)
    assert len(found) == 5 * 10
    assert {item.unit for item in found} == {"modelled microseconds"}
    of_b1 = {item.name: item.value for item in found if item.labels == {"kernel": "6.1.0-realtime", "boot": "1"}}
    first = next(boot for boot in run.result["b"]["boots"] if boot["number"] == 1)
    keys = {"p50": "p50_us", "p99": "p99_us", "p99.9": "p999_us", "top-30 mean": "top_mean_us", "max": "max_us"}
    assert of_b1 == {name: first[key] for name, key in keys.items()}
    report = (await site.runs.artifact_path(run.id, "report.txt", site.artifacts)).read_text()
    assert "pumphouse latency compare --board=fake" in report
    assert f"--seed={run.id}" in report


async def test_two_boots_run_at_a_time_and_no_more(site, board):
    running, most = 0, 0
    boot, pair = board.boot, asyncio.Barrier(2)

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await pair.wait()
        try:
            return await boot(*args, **kwargs)
        finally:
            running -= 1

    board.boot = counted
    await compare(site)
    assert most == board.at_once == 2


async def test_a_worse_kernel_is_a_no(site):
    run = await compare(site, a="fake:stock", b="fake:slower")
    assert (run.verdict, run.is_no) == ("worse", True)


async def test_a_run_that_the_machine_failed_continues_with_the_boots_it_has(site, board):
    board.failures = [board.console(open_fake_kernel("fake:stock"), seed) for seed in range(4)] + [
        TIMER_PANIC.encode() + b"\n"
    ] * 6
    run = await compare(site)
    assert run.state is State.QUEUED
    kept = [step.name for step in await site.runs.steps(run.id) if step.state == "done"]
    boots_before = board.boots
    board.failures = []
    run = await again(site, run)
    assert run.state is State.DONE
    kept_boots = [name for name in kept if name.startswith("boot")]
    assert kept_boots
    assert board.boots - boots_before == 10 - len(kept_boots)
    assert [text for text in await texts(site, run) if "done before, kept" in text]


async def test_a_run_never_mixes_two_kernels_on_one_side(site, board, monkeypatch):
    board.failures = [TIMER_PANIC.encode() + b"\n"] * 6
    run = await compare(site)
    assert run.state is State.QUEUED

    async def open_newer(_request, _specification, *, progress):
        return dataclasses.replace(open_fake_kernel("fake:stock"), sha256="newer")

    monkeypatch.setattr(jobs, "open_compared_kernel", open_newer)
    run = await again(site, run)
    assert run.state is State.FAILED
    assert run.error.what == "the kernel of side a is not the one with which this run began"
    assert run.error.next_step == "start a new comparison"


async def test_a_kernel_that_dies_loses_its_boot_and_is_not_booted_again(site, board):
    board.failures = [PANIC.encode() + b"\n"]
    run = await compare(site)
    assert run.state is State.DONE
    assert run.verdict == "better"
    assert board.boots == 10
    (reason,) = run.result["reasons"]
    assert "finished: the kernel died: Kernel panic" in reason


async def test_a_kernel_that_always_dies_is_no_verdict(site, board):
    board.failures = [PANIC.encode() + b"\n"] * 10
    run = await compare(site)
    assert (run.state, run.verdict, run.is_no) == (State.DONE, "error", True)
    assert run.summary.startswith("no verdict on 6.1.0-realtime against 6.1.0-stock: 5 of 5 boots of")
    assert await site.runs.measurements(run.id) == []


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"boots": 3}, "3 against 3 boots cannot show a difference"),
        ({"bots": 3}, "the parameters of this comparison are not understood"),
        ({"board": "moon"}, "there is no board 'moon'"),
        ({"b": "fake:unheard"}, "the fake board has no kernel 'fake:unheard'"),
    ],
)
async def test_parameters_that_cannot_be_run_fail_at_once(site, params, what):
    run = await compare(site, **params)
    assert (run.state, run.error.kind, run.error.what) == (State.FAILED, "user", what)


async def test_a_new_site_queues_the_first_comparison_once(site):
    await queue_first_runs(site)
    await queue_first_runs(site)
    (run,) = await site.runs.find()
    assert (run.kind, run.state) == (COMPARE, State.QUEUED)
    assert jobs.read_request((await site.runs.get(run.id)).params) == CompareRequest()


def test_the_limits_of_a_boot_leave_room_for_a_slow_machine():
    at_four = bench.find_limits(CompareRequest())
    at_one = bench.find_limits(CompareRequest(shift=1))
    long = bench.find_limits(CompareRequest(cycles=3_600_000))
    assert at_four.guest_s > 60 + 40  # a boot with its measurement took 40 s of the guest's time
    assert at_one.guest_s > 60 + 10
    assert at_one.wall_s > 5 * 46  # it took 46 s, two at once
    assert long.guest_s > 3600
    assert long.silence_s > 3600 * 62.5e6 / 150e6  # the guest says nothing while it measures


async def test_the_fake_board_needs_no_kernel_package():
    kernel = await bench.open_compared_kernel(CompareRequest(**FAKE), "fake:realtime", progress=None)
    assert kernel.is_realtime
    with pytest.raises(UserError):
        await bench.open_compared_kernel(CompareRequest(**FAKE), "deb:linux-image-amd64", progress=None)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Real workers, real processes, real signals: what is killed comes back, and nothing happens twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State

pytestmark = [pytest.mark.net, pytest.mark.anyio, pytest.mark.usefixtures("demo_part")]


async def progressed(site, run_id):
    return (await site.runs.get(run_id)).progress > 0


def counted(trace):
    return [tuple(map(int, line.split())) for line in trace.read_text().splitlines()]


async def test_a_run_is_executed_with_steps_log_measurement_and_artifact(site, tmp_path, make, worker):
    run_id = await make(site, "demo.count", trace=str(tmp_path / "trace"))
    with worker(site, "--until-idle") as process:
        assert process.wait(30) == 0
    run = await site.runs.get(run_id)
    assert (run.state, run.summary, run.result, run.progress) == (State.DONE, "counted to 3", {"steps": 3}, 1.0)
    assert [step.result for step in await site.runs.steps(run_id)] == [1, 2, 3]
    assert [line.text for line in await site.runs.log(run_id)] == [f"counted to {n}" for n in (1, 2, 3)]
    assert [(item.value, item.unit) for item in await site.runs.measurements(run_id)] == [(3, "steps")]
    assert (await site.runs.artifact_path(run_id, "counted.txt", site.artifacts)).read_text() == "3\n"


async def test_every_log_line_is_kept_once_and_in_order(site, make, worker):
    run_id = await make(site, "demo.chatter")
    with worker(site, "--until-idle") as process:
        assert process.wait(30) == 0
    assert (await site.runs.get(run_id)).state is State.DONE
    lines = await site.runs.log(run_id, limit=10_000)
    assert [line.text for line in lines] == [f"line {number}" for number in range(3000)]


async def test_each_way_to_fail_is_told_with_its_reason(site, make, worker, until, ended):
    kinds = ["demo.fail_user", "demo.fail_infra", "demo.bug", "demo.die", "demo.unheard_of"]
    run_ids = [await make(site, kind) for kind in kinds]
    with worker(site):
        user, infra, bug, died, unknown = await until(lambda: ended(site, *run_ids))
    assert {run.state for run in (user, infra, bug, died, unknown)} == {State.FAILED}
    assert (user.attempt, user.error.kind, user.error.where) == (1, "user", "spoon.toml:3")
    assert (infra.attempt, infra.error.kind, infra.error.next_step) == (2, "infra", "call somebody")
    assert (bug.attempt, bug.error.kind) == (1, "bug")
    assert "KeyError: 'missing'" in bug.error.what
    assert any("Traceback" in line.text for line in await site.runs.log(bug.id))
    assert (died.attempt, died.error.why) == (2, "the process of the run ended with signal 9")
    assert "last words" in [line.text for line in await site.runs.log(died.id)]
    assert "no part of this program executes" in unknown.error.what


async def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing(
    site, tmp_path, make, worker, until, ended
):
    trace = tmp_path / "trace"
    run_id = await make(site, "demo.count", trace=str(trace), steps=6, pause_s=0.4)
    with worker(site) as process:
        await until(lambda: progressed(site, run_id))
        process.kill()
        process.wait()
    with worker(site):
        (run,) = await until(lambda: ended(site, run_id))
    assert run.state is State.DONE
    assert counted(trace) == [(run_id, number) for number in range(1, 7)]
    assert any("kept" in line.text for line in await site.runs.log(run_id))


async def test_a_run_process_killed_in_the_middle_continues(site, tmp_path, make, worker, until, ended):
    trace = tmp_path / "trace"
    run_id = await make(site, "demo.count", trace=str(trace), steps=6, pause_s=0.4)
    with worker(site):
        await until(lambda: progressed(site, run_id))
        owner = (await site.runs.get(run_id)).owner
        os.kill(int(owner.rsplit("/", 2)[1]), signal.SIGKILL)
        (run,) = await until(lambda: ended(site, run_id))
    assert (run.state, run.attempt) == (State.DONE, 2)
    done = counted(trace)
    assert sorted(set(done)) == [(run_id, number) for number in range(1, 7)]
    assert len(done) <= 7  # only the step during whose storing it was killed may be repeated


async def test_a_killed_nursery_costs_no_attempt(site, tmp_path, make, worker, until, ended):
    trace = tmp_path / "trace"
    run_id = await make(site, "demo.count", trace=str(trace), steps=6, pause_s=0.4)
    with worker(site) as process:
        await until(lambda: progressed(site, run_id))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        (run,) = await until(lambda: ended(site, run_id))
    assert (run.state, run.attempt) == (State.DONE, 1)
    assert counted(trace) == [(run_id, number) for number in range(1, 7)]


async def test_two_workers_of_which_one_is_killed_share_the_runs(site, tmp_path, make, worker, until, ended):
    trace = tmp_path / "trace"
    run_ids = [await make(site, "demo.count", trace=str(trace), steps=2, pause_s=0.1) for _ in range(12)]
    with worker(site), worker(site) as other:
        await until(lambda: progressed(site, run_ids[3]))
        other.kill()
        runs = await until(lambda: ended(site, *run_ids))
    assert {run.state for run in runs} == {State.DONE}
    assert sorted(counted(trace)) == sorted((run_id, number) for run_id in run_ids for number in (1, 2))


async def test_cancel_ends_the_whole_process_group_even_if_it_ignores_signals(
    site, tmp_path, make, worker, until, ended
):
    pids = tmp_path / "pids"
    run_id = await make(site, "demo.hang", pids=str(pids))

    async def started():
        return pids.exists() and len(pids.read_text().split()) == 2

    with worker(site):
        await until(started)
        await site.runs.cancel(run_id, actor="somebody")
        (run,) = await until(lambda: ended(site, run_id), seconds=10)
        for pid in pids.read_text().split():
            with pytest.raises(ProcessLookupError):  # a zombie that init has not reaped yet counts as gone
                Owner.of(int(pid))
    assert (run.state, run.summary) == (State.CANCELLED, "cancelled by somebody")


async def test_a_run_that_no_longer_renews_its_lease_is_killed(site, tmp_path, make, worker, until, ended):
    pids = tmp_path / "pids"
    run_id = await make(site, "demo.hang", pids=str(pids), max_attempts=1)
    with worker(site):
        (run,) = await until(lambda: ended(site, run_id), seconds=60)
    assert (run.state, run.attempt) == (State.FAILED, 1)
    assert "stopped renewing its lease" in run.error.why or "signal 9" in run.error.why


async def test_a_stopped_worker_gives_its_run_back_without_counting_the_attempt(site, tmp_path, make, worker, until):
    run_id = await make(site, "demo.count", trace=str(tmp_path / "trace"), steps=50, pause_s=0.2)
    with worker(site) as process:
        await until(lambda: progressed(site, run_id))
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
    run = await site.runs.get(run_id)
    assert (run.state, run.attempt, run.owner) == (State.QUEUED, 0, None)


async def test_the_command_line_shows_what_the_table_holds(site, tmp_path, make, pumphouse):
    run_id = await make(site, "demo.count", trace=str(tmp_path / "trace"))
    failed = await make(site, "demo.fail_user")

    at = ("--site", str(site.root))
    assert pumphouse("worker", "--until-idle", *at)[0] == 0
    code, listed, _ = pumphouse("runs", "list", "--json", *at)
    assert (code, [run["state"] for run in json.loads(listed)]) == (0, ["failed", "done"])
    shown = json.loads(pumphouse("runs", "show", str(run_id), "--json", *at)[1])
    assert [step["name"] for step in shown["steps"]] == ["step 1", "step 2", "step 3"]
    assert "counted to 3" in pumphouse("runs", "show", str(run_id), *at)[1]
    assert "counted to 2" in pumphouse("runs", "log", str(run_id), *at)[1]
    assert pumphouse("runs", "artifact", str(run_id), "counted.txt", *at)[1] == "3\n"
    assert pumphouse("runs", "wait", str(run_id), *at)[:2] == (0, "counted to 3\n")
    code, _, told = pumphouse("runs", "wait", str(failed), *at)
    assert code == 2
    assert "the spoon is bent" in told
    assert "use a fork" in told
    code, _, told = pumphouse("runs", "cancel", str(run_id), *at)
    assert (code, "has ended" in told) == (2, True)
    assert "queued" in pumphouse("runs", "retry", str(failed), *at)[1]
    assert "cancelled" in pumphouse("runs", "cancel", str(failed), *at)[1]
    code, _, told = pumphouse("runs", "show", "99", *at)
    assert (code, "there is no run 99" in told) == (2, True)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from pumphouse.lab.kernel import Kernel
from pumphouse.pgo.commands import workload as command
from pumphouse.pgo.domain.script import PhaseOutcome, Trial
from pumphouse.shell.cli import run_command

pytestmark = pytest.mark.unit

KERNEL = Kernel(release="6.1.0", image=Path("/k"), config={}, source="deb:k 1", sha256="11")


def run(capsys, *arguments):
    code = run_command(["pgo", "workload", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def booted(monkeypatch, *, done):
    async def open_kernel(specification, *, progress):
        return KERNEL

    async def try_workload(kernel, workload, *, progress):
        progress.log("phase plain")
        return Trial(
            phases=tuple(
                PhaseOutcome(name=phase.name, trained=phase.trained, done=done, guest_ns=1_500_000)
                for phase in workload.phases
            )
        )

    monkeypatch.setattr(command, "open_kernel", open_kernel)
    monkeypatch.setattr(command, "try_workload", try_workload)


def test_the_list_names_every_workload_and_tells_the_next_step_apart_from_the_data(capsys):
    code, out, err = run(capsys, "list")
    assert code == 0
    assert "redis      Redis 7 over loopback TCP" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "workload show NAME" in err


def test_as_json_each_workload_has_its_phases(capsys):
    code, out, _ = run(capsys, "list", "--json")
    found = {workload["name"]: workload for workload in json.loads(out)}
    assert code == 0
    assert {"redis", "http", "sqlite", "files", "syscalls"} <= set(found)
    assert [phase["trained"] for phase in found["redis"]["phases"]] == [True, True, False, False]
    code, out, _ = run(capsys, "show", "redis", "--json")
    assert (code, json.loads(out)) == (0, found["redis"])


def test_show_prints_the_file_as_it_is(capsys):
    code, out, err = run(capsys, "show", "sqlite")
    assert (code, out) == (0, Path(err.strip()).read_text(encoding="utf-8"))


def test_an_unknown_workload_is_input_and_names_the_likely_one(capsys):
    code, out, err = run(capsys, "check", "syscals")
    assert (code, out) == (2, "")
    assert "did you mean syscalls?" in err


@pytest.mark.parametrize(("done", "expected"), [(True, 0), (False, 1)])
def test_check_says_no_where_a_phase_was_not_done(capsys, monkeypatch, done, expected):
    booted(monkeypatch, done=done)
    code, out, err = run(capsys, "check", "redis", "--json")
    told = json.loads(out)
    assert (code, told["done"], told["kernel"]) == (expected, done, "6.1.0")
    assert told["phases"][0] == {
        "name": "plain",
        "trained": True,
        "done": done,
        "guest_ms": 1.5,
        "why": "",
        "said": "",
    }
    assert err == "phase plain\n"
    code, out, _ = run(capsys, "check", "redis")
    assert code == expected
    assert out.startswith("redis: all 4 phases were done on 6.1.0" if done else "redis: 4 of 4 phases not done")

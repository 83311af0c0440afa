# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls probe` and `header` as a person and a program use them, on the running kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pumphouse.syscalls.domain.probe.report import Presence
from pumphouse.syscalls.probe import probe

pytestmark = pytest.mark.net


@pytest.fixture
def syscalls(tmp_path):
    """Runs `pumphouse syscalls ...`; returns exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "pumphouse.shell", "syscalls", *arguments]
        env = os.environ | {"COLUMNS": "80", "XDG_RUNTIME_DIR": str(tmp_path)}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_first_probe_asks_the_second_reads_what_was_kept(syscalls):
    code, first, said = syscalls("probe", "--json")
    assert (code, said) == (0, "")
    code, second, _ = syscalls("probe", "--json")
    first, second = json.loads(first), json.loads(second)
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["calls"] == second["calls"] == probe(cache=False).to_data()["calls"]
    _, third, _ = syscalls("probe", "--json", "--no-cache")
    assert json.loads(third)["cached"] is False


def test_the_table_answers_first_and_fits_80_columns(syscalls):
    code, out, said = syscalls("probe")
    assert (code, said) == (0, "")
    assert out.startswith(f"{os.uname().release}: ")
    assert "flag words of" in out.splitlines()[0]
    assert max(map(len, out.splitlines())) <= 80


def test_a_call_that_is_named_is_told_in_detail_and_its_absence_is_the_exit_code(syscalls):
    report = probe(cache=False)
    present = next(call.name for call in report.calls if call.presence is Presence.PRESENT)
    code, out, _ = syscalls("probe", present)
    assert code == 0
    assert f"{present}: present, told by " in out
    missing = next((call.name for call in report.calls if call.presence is Presence.MISSING), None)
    if missing is None:
        pytest.skip("this kernel has every call that has a recipe: boot an older one")
    code, out, _ = syscalls("probe", missing)
    assert code == 1
    assert f"1 missing ({missing})" in out


def test_a_name_without_a_recipe_is_the_users_error(syscalls):
    code, out, said = syscalls("probe", "openat3")
    assert (code, out) == (2, "")
    assert "did you mean openat2?" in said
    code, out, said = syscalls("header", "--call", "clone4")
    assert (code, out) == (2, "")
    assert "did you mean clone3?" in said

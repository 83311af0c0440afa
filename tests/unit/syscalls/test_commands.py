# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls probe` and `header` without a kernel."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pumphouse.core.errors import UserError
from pumphouse.syscalls.commands import header as header_command
from pumphouse.syscalls.commands import probe as probe_command
from pumphouse.syscalls.domain.probe.report import CallReport, Presence, Report
from pumphouse.syscalls.header import make_header
from pumphouse.syscalls.recipes import choose_plans, read_recipes


def report(presence):
    call = CallReport(name="openat2", presence=presence, how="EINVAL")
    return Report(release="6.18", version="#1", machine="x86_64", elapsed_ms=1.0, cached=False, calls=(call,))


@pytest.mark.parametrize(("presence", "code"), [(Presence.PRESENT, 0), (Presence.MISSING, 1), (Presence.SECCOMP, 1)])
def test_the_exit_code_says_whether_the_call_that_was_named_can_be_used(monkeypatch, capsys, presence, code):
    monkeypatch.setattr(probe_command, "probe_kernel", lambda *_, **__: report(presence))
    assert probe_command.probe("openat2", json=True) == code
    assert json.loads(capsys.readouterr().out)["calls"][0]["presence"] == presence.value
    assert probe_command.probe() == 0
    assert capsys.readouterr().out.startswith("6.18: ")


def test_a_name_without_a_recipe_is_refused_with_the_close_one():
    with pytest.raises(UserError) as caught:
        choose_plans(["openat3"])
    assert caught.value.text.next_step == "did you mean openat2?"
    with pytest.raises(UserError) as caught:
        choose_plans(["zzz"])
    assert "choose from" in caught.value.text.next_step


def test_a_header_is_written_to_a_file_or_to_standard_output(tmp_path, capsys):
    assert header_command.header(output=tmp_path / "probe.h", call=["openat2"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "gcc -static" in said.err
    assert header_command.header(call=["openat2"]) == 0
    assert capsys.readouterr().out == (tmp_path / "probe.h").read_text()
    assert header_command.header(call=["openat2"], json=True) == 0
    assert json.loads(capsys.readouterr().out)["header"] == (tmp_path / "probe.h").read_text()


def test_a_header_that_cannot_be_written_says_where(tmp_path):
    with pytest.raises(UserError, match="cannot be written") as caught:
        header_command.header(output=tmp_path / "missing" / "probe.h", call=["openat2"])
    assert str(tmp_path) in caught.value.text.where


def test_the_header_carries_its_licence_and_no_place_of_this_machine():
    text = make_header()
    assert "Apache-2.0" in text.splitlines()[1]
    assert text.count("SPDX-") == 2
    assert "/home" not in text
    assert "/root" not in text
    assert all(name in text for name in read_recipes())


def test_the_prober_is_imported_without_the_web_framework_and_the_database():
    heavy = ("litestar", "sqlalchemy", "cyclopts", "numpy")
    code = f"import sys, pumphouse.syscalls.probe; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from pumphouse.core.parts import find_parts
from pumphouse.shell.cli import run_command

pytestmark = pytest.mark.unit


def test_the_six_parts_are_listed_with_whether_they_are_built(capsys):
    assert run_command(["parts", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in listed] == ["latency", "mirror", "packetlua", "pgo", "syscalls", "venue"]


def test_a_part_that_is_not_built_has_no_command(capsys):
    absent = [part.name for part in find_parts() if not part.built]
    for name in absent:
        assert run_command([name]) == 2
        assert "Unknown command" in capsys.readouterr().err


def test_a_site_is_made_and_checked(tmp_path, capsys):
    assert run_command(["init", str(tmp_path / "new")]) == 0
    assert run_command(["check", str(tmp_path / "new")]) == 0
    assert "is valid" in capsys.readouterr().out


def test_a_wrong_setting_exits_with_2_and_says_where(tmp_path, capsys):
    (tmp_path / "pumphouse.toml").write_text("[web]\nporf = 1\n")
    assert run_command(["check", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "unknown key web.porf" in told
    assert "did you mean port?" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [["zork"], ["runs", "show"], ["runs", "show", "x"], ["runs", "list", "--zork"]])
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    assert run_command(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_site_that_is_not_there_says_how_to_make_one(tmp_path, capsys):
    assert run_command(["runs", "list", "--site", str(tmp_path / "none")]) == 2
    assert "pumphouse init" in capsys.readouterr().err


def test_no_run_yet_says_how_to_make_one(site_root, capsys):
    assert run_command(["runs", "list", "--site", str(site_root)]) == 0
    assert "pumphouse latency compare" in capsys.readouterr().err

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import json
import subprocess

import pytest

from pumphouse.core.doctor import Check, Finding, diagnose, program_check
from pumphouse.shell.cli import run_command
from pumphouse.shell.doctor import all_checks

pytestmark = pytest.mark.unit


def check(look):
    return Check(name="thing", needed_by="lab", purpose="tests", look=look, remedy="buy one")


def fails(error):
    def look():
        raise error

    return look


def test_what_is_there_has_no_remedy():
    found = diagnose(check(lambda: Finding(grade="ok", detail="1.0")))
    assert (found.grade, found.detail, found.remedy) == ("ok", "1.0", "")


@pytest.mark.parametrize(
    "error", [OSError("no such luck"), subprocess.TimeoutExpired(["x"], 10), PermissionError("no such luck")]
)
def test_a_check_that_fails_finds_the_thing_missing_and_tells_why(error):
    found = diagnose(check(fails(error)))
    assert (found.grade, found.remedy) == ("missing", "buy one")
    assert found.detail


def test_a_missing_program_names_its_package():
    found = diagnose(program_check(name="zork", needed_by="lab", purpose="tests", package="zork-utils"))
    assert (found.grade, found.detail) == ("missing", "not found: zork")
    assert found.remedy == "sudo apt-get install zork-utils"


def test_each_check_names_who_needs_it_why_and_a_remedy():
    for item in all_checks():
        assert item.needed_by, item
        assert item.purpose, item
        assert item.remedy, item


def test_doctor_prints_one_json_value(capsys):
    assert run_command(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"name", "needed_by", "purpose", "grade", "detail", "remedy"} == set(found[0])
    assert {item["grade"] for item in found} <= {"ok", "limited", "missing"}

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.workload import Workload, find_line, list_workloads, parse_workload, read_workload

pytestmark = pytest.mark.unit

GOOD = """\
summary = "mine"
set_up = '''
serve &
name = "not a key"
'''

[programs]
serve = "./serve"
ab = "apache2-utils"
syscalls = "pumphouse"

[files]
"/etc/passwd" = "root"

[[phase]]
name = "one"
command = "true"

[[phase]]
name = "two"
command = "false"
trained = false
repeat = 2
"""


def parse(text: str) -> Workload:
    return parse_workload(text, path=Path("/w/mine.toml"))


def test_a_workload_is_read_with_its_defaults():
    workload = parse(GOOD)
    assert (workload.name, workload.mix, workload.memory_mb) == ("mine", 1.0, 512)
    assert [phase.name for phase in workload.trained] == ["one"]
    assert [phase.name for phase in workload.held_back] == ["two"]
    assert (workload.phases[0].done, workload.phases[1].repeat) == ("true", 2)


def test_programs_are_told_apart_by_where_they_come_from():
    workload = parse(GOOD)
    assert workload.programs_of_packages() == {"ab": "apache2-utils"}
    assert workload.programs_of_files() == {"serve": Path("/w/serve")}
    assert workload.own_programs() == ("syscalls",)


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "says"),
    [
        ('command = "false"', 'comand = "false"', 21, "unknown key comand of phase 2", "did you mean command?"),
        ("set_up =", "setup =", 2, "unknown key setup", "did you mean set_up?"),
        ("repeat = 2", "repeat = 0", 23, "repeat of phase 2 = 0 is not valid", "workload show redis"),
        ("trained = false", 'trained = "no"', 22, "trained of phase 2 = 'no' is not valid", "workload show redis"),
        ('name = "two"', 'name = "one"', 20, "the phase one is there twice", "first in line 16"),
        ('name = "two"', 'name = "Two!"', 20, "name of phase 2 = 'Two!' is not valid", "workload show redis"),
        ('syscalls = "pumphouse"', 'syscals = "pumphouse"', 10, "no guest program syscals", "did you mean syscalls?"),
        ('serve = "./serve"', 'serve = ""', 8, "'serve' is no program", "debian-package"),
        ('"/etc/passwd" =', '"etc/passwd" =', 13, "is no path for a file", "absolute"),
        ('"/etc/passwd" =', '"/init" =', 13, "is no path for a file", "absolute"),
        ('summary = "mine"', "summary = 3", 1, "summary = 3 is not valid", "workload show redis"),
        ('summary = "mine"', 'summary = "mine"\nname = "x"', 2, "unknown key name", "called as its file is"),
        ('summary = "mine"', "mix = 2", 1, "summary is missing", "add summary"),
        ('command = "false"', "", 19, "command of phase 2 is missing", "add command"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_would_be_right(old, new, line, what, says):
    with pytest.raises(UserError) as caught:
        parse(GOOD.replace(old, new, 1))
    text = caught.value.text
    assert what in text.what
    assert text.where == f"/w/mine.toml:{line}"
    assert says in text.next_step


def test_text_that_is_not_toml_is_told_with_its_line():
    with pytest.raises(UserError, match="not TOML") as caught:
        parse('summary = "mine"\n= 3\n')
    assert caught.value.text.where == "/w/mine.toml:2"


def test_a_workload_without_a_trained_phase_is_refused():
    with pytest.raises(UserError, match="no phase is trained"):
        parse('summary = "s"\n[[phase]]\nname = "a"\ncommand = "true"\ntrained = false\n')


def test_a_workload_without_phases_is_refused():
    with pytest.raises(UserError, match="0 phases"):
        parse('summary = "s"\nphase = []\n')


@pytest.mark.parametrize("name", list_workloads())
def test_every_workload_that_ships_is_read_and_has_phases_that_training_never_sees(name):
    workload = read_workload(name)
    assert workload.name == name
    assert workload.trained
    assert workload.held_back


def test_an_unknown_name_is_told_with_the_likely_one():
    with pytest.raises(UserError, match="no workload 'rediss'") as caught:
        read_workload("rediss")
    assert caught.value.text.why == "did you mean redis?"


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read") as caught:
        read_workload(str(tmp_path / "none.toml"))
    assert caught.value.text.why == "No such file or directory"


def test_a_workload_is_called_as_its_file_which_must_be_a_name(tmp_path):
    path = tmp_path / "My Work.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(UserError, match="no name for a workload"):
        read_workload(str(path))


def test_a_key_inside_a_string_of_several_lines_is_not_found_there():
    assert find_line(GOOD, ("phase", 0, "name")) == 16


@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 30),
    st.text(alphabet="abc=[]\"'\n#.{}1é\x00", max_size=12),
)
def test_a_damaged_file_is_read_or_refused_with_its_line_and_never_crashes(start, length, junk):
    with contextlib.suppress(UserError):
        assert parse(GOOD[:start] + junk + GOOD[start + length :]).phases

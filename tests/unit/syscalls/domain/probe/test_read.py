# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading recipes: what ships is sound, and what is wrong is told with its line."""

from __future__ import annotations

import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.probe.plan import REQUEST, Kind, SizeHow, Where
from pumphouse.syscalls.domain.probe.read import read_recipe
from pumphouse.syscalls.domain.probe.recipe import RecipeTable
from pumphouse.syscalls.recipes import FOLDER, read_recipes

TEXT = """\
call = "openat2"
since = "5.6"
number = { x86_64 = 437, generic = 438 }
arguments = ["dfd=nofd", "how=struct", "usize=size", "who=self"]
poison = ["one", "two"]

[holds]
source = "the model"
checked = ["6.1"]

[struct]
name = "open_how"
first = 24
known = 24
fields = { flags = "0:8", mode = "8:4" }

[presence]
set = { usize = 0 }

[size]
how = "bisect"

[[word]]
name = "open_how.mode"
base = 0x10
set = { "open_how.flags" = 0x40, dfd = "badptr" }
accepted = ["EFAULT", "OK"]
valid = 0x1
invalid = 0x80000000
flags = { A = 0x1, B = 0x2 }

[[word.with]]
flags = ["B"]
value = ["A"]
set = { "struct[16:4]" = 0xffff }
"""


def test_names_become_slots_offsets_and_errnos():
    plan = read_recipe(TEXT, "openat2.toml")
    assert (plan.name, plan.number.on("x86_64"), plan.number.on("aarch64"), plan.since) == ("openat2", 437, 438, (5, 6))
    assert [one.kind for one in plan.base] == [Kind.NUMBER, Kind.REQUEST, Kind.SIZE, Kind.SELF]
    word = plan.words[0]
    assert (word.target.slot, word.target.offset, word.target.width, word.target.number) == (REQUEST, 8, 4, 0x10)
    assert (word.bits, word.end, word.accepted, word.refused) == (32, 12, (14, 0), (22,))
    assert [(one.slot, one.kind, one.number) for one in word.sets] == [
        (REQUEST, Kind.NUMBER, 0x40),
        (0, Kind.BAD_POINTER, 0),
    ]
    one = word.companions[0]
    assert (one.bits, one.value, one.needs) == (2, 1, ("A", "struct[16:4] = 65535"))
    assert (one.sets[0].offset, one.sets[0].width) == (16, 4)
    assert plan.size.how is SizeHow.BISECT


WRONG = [
    ('call = "openat2"', "call = ", 1, "no TOML"),
    ('since = "5.6"', 'since = "six"', 2, "not a release"),
    ("number = {", "numbers = {", 3, "unknown field"),
    ('"who=self"', '"who=myself"', 4, "'myself' is no value"),
    ('"who=self"', '"who"', 4, "not name=value"),
    ('"who=self"', '"a=0", "b=0", "c=0", "d=0"', 4, "at most six"),
    ("first = 24", "first = 32", 13, "first <= known"),
    ('mode = "8:4"', 'mode = "8:3"', 15, "offset:width"),
    ('mode = "8:4"', 'mode = "24:4"', 15, "inside of the struct"),
    ("set = { usize = 0 }", "set = { size = 0 }", 18, "neither an argument nor a field"),
    ('how = "bisect"', 'how = "guess"', 21, "no way to find a size"),
    ('name = "open_how.mode"', 'name = "open_how.modes"', 24, "neither an argument nor a field"),
    ('["EFAULT", "OK"]', '["EFAULTS"]', 27, "EFAULTS is no errno"),
    ('["EFAULT", "OK"]', '["EINVAL"]', 24, "accepts and refuses"),
    ("invalid = 0x80000000", "invalid = 0x1", 24, "need"),
    ("B = 0x2 }", "B = 0x6 }", 30, "B is not one bit"),
    ('flags = ["B"]', 'flags = ["C"]', 33, "C has no value"),
    ('"struct[16:4]"', '"struct[4095:4]"', 35, "outside of the request"),
    ('"struct[16:4]" = 0xffff', '"struct[16:4]" = 0x1ffffffffffffffff', 1, "64 bits"),
]


@pytest.mark.parametrize(("old", "new", "line", "what"), WRONG, ids=[one[3] + ": " + one[1][:24] for one in WRONG])
def test_what_is_wrong_is_told_with_its_line(old, new, line, what):
    assert old in TEXT
    with pytest.raises(UserError) as caught:
        read_recipe(TEXT.replace(old, new), "openat2.toml")
    said = caught.value.text
    assert what in said.what
    assert said.where == f"openat2.toml:{line}"
    assert said.next_step


def refusal(text):
    try:
        read_recipe(text, "damaged.toml")
    except UserError as error:
        return error.text.where
    return None


@given(st.data())
def test_a_damaged_recipe_is_read_or_refused_with_its_file(data):
    text = data.draw(st.sampled_from([file.read_text() for file in sorted(FOLDER.glob("*.toml"))[::6]]))
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(st.sampled_from(["drop", "twice", "cut", "swap"]))
        if how == "drop":
            lines[i] = ""
        elif how == "twice":
            lines.insert(i, lines[i])
        elif how == "cut":
            lines[i] = lines[i][: data.draw(st.integers(0, len(lines[i])))]
        else:
            lines[i] = lines[i].replace(
                *data.draw(st.sampled_from([("0x", ""), ('"', ""), ("=", " "), ("1", "-1"), ("8", "9")]))
            )
    told = refusal("\n".join(lines))
    assert told is None or told.startswith("damaged.toml:")


def tables():
    return {
        file.stem: msgspec.convert(tomllib.loads(file.read_text()), RecipeTable)
        for file in sorted(FOLDER.glob("*.toml"))
    }


def test_at_least_16_calls_and_40_flag_words_have_a_recipe():
    plans = read_recipes()
    assert len(plans) >= 16
    assert sum(len(plan.words) for plan in plans.values()) >= 40


@pytest.mark.parametrize("name", read_recipes())
def test_a_recipe_that_ships_says_what_keeps_it_safe_and_where_it_holds(name):
    table = tables()[name]
    assert table.call == name
    assert table.poison, "what keeps a trial from doing something is said"
    assert ":" in table.holds.source, "a file of the kernel and what it does there"
    assert all(part.isdigit() for release in table.holds.checked for part in release.split("."))
    since = tuple(map(int, table.since.split(".")))
    assert all(tuple(map(int, release.split(".")))[:2] >= since for release in table.holds.checked)


@pytest.mark.parametrize("name", read_recipes())
def test_a_recipe_that_ships_never_walks_a_path_and_uses_no_descriptor_of_the_caller(name):
    """What stands for a path is unreadable or empty; a descriptor is impossible, -1, or the recipe's own."""
    table = tables()[name]
    asks = [ask for word in table.word for ask in word.ask] + [fact.ask for fact in table.fact]
    lists = [table.arguments, *(ask.arguments for ask in asks), *([table.prepare.arguments] if table.prepare else [])]
    settings = [table.presence.set, *(word.set for word in table.word), *(ask.set for ask in asks)]
    settings += [one.set for word in table.word for one in word.companions] + ([table.size.set] if table.size else [])
    given_ = [tuple(one.split("=", 1)) for arguments in lists for one in arguments]
    given_ += [(key, str(value)) for setting in settings for key, value in setting.items()]
    for key, value in given_:
        if key.endswith(("path", "pathname", "filename", "oldname", "newname", "fs_name")) or key == "name":
            assert value in ("badptr", "empty"), key
        if key.endswith("fd") and not key.startswith("max"):
            assert value in ("nofd", "cwd", "kept", "-1", "0xfffffff0", "0x7ffffff1") or int(value, 0) >= 0x7FFFFFF0, (
                key
            )


def test_the_current_directory_is_only_named_with_the_empty_string():
    for plan in read_recipes().values():
        for sets in (plan.size.sets, *(ask.sets for word in plan.words for ask in word.asks)):
            if any(one.number == -100 for one in sets):
                assert any(one.kind is Kind.EMPTY for one in sets)


def test_no_recipe_calls_execve_fork_or_anything_else_that_cannot_be_refused():
    forbidden = {56, 57, 58, 59, 60, 62, 231, 322}  # clone fork vfork execve exit kill exit_group execveat
    for plan in read_recipes().values():
        asks = [ask for word in plan.words for ask in word.asks] + [fact.ask for fact in plan.facts]
        assert not forbidden & {
            plan.number.x86_64,
            *(ask.number.x86_64 for ask in asks if ask.read.where is not Where.AUXV),
        }

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.syscalls.commands.add import EXAMPLE
from pumphouse.syscalls.domain.scaffold.place import find_line
from pumphouse.syscalls.domain.scaffold.spec import SIZES, Field, parse_extension, parse_spec
from pumphouse.syscalls.domain.scaffold.struct import lay_out

pytestmark = pytest.mark.unit

SPEC = EXAMPLE.read_text()


def test_the_examples_are_valid():
    assert parse_spec(SPEC, file="x").name == "tune_queue"
    assert parse_extension(EXAMPLE.with_name("example-extend.toml").read_text(), file="x").extends == "tune_queue"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "tune_queue"', 'name = "Tune"', "not a name here"),
        ('name = "tune_queue"', "name = 7", "not understood"),
        ('name = "tune_queue"', "name =", "is not TOML"),
        ('name = "tune_queue"', 'nmae = "x"', "not understood"),
        ('file = "kernel/tune_queue.c"', 'file = "../x.c"', "no place for the call"),
        ('config = "TUNE_QUEUE"', 'config = "tune"', "no Kconfig symbol"),
        ('type = "int"', 'type = "u64"', "would need a compat entry"),
        ('type = "int"', 'type = "long"', "would need a compat entry"),
        ('type = "unsigned int"', 'type = "int"', "flags are of the type 'int'"),
        ('name = "fd"', 'name = "usize"', "the name usize is taken"),
        ('name = "length"', 'name = "flags"', "there twice"),
        ('type = "u32"', 'type = "void *"', "not a type of a field"),
        ("bit = 40", "bit = 64", "bit 64 is not in the word"),
        ("bit = 40", "bit = 1", "bit 1 is TUNE_QUEUE_WEIGHT already"),
        ("TUNE_QUEUE_STICKY", "sticky", "not a flag's name"),
        ("TUNE_QUEUE_STICKY", "TUNE_QUEUE_NOWAIT", "defined twice"),
        ("bit = 40", "bti = 40", "not understood"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_a_remedy(old, new, says):
    assert SPEC.count(old) == 1 or old.startswith(("type", "name"))
    broken = SPEC.replace(old, new, 1)
    with pytest.raises(UserError) as caught:
        parse_spec(broken, file="call.toml")
    error = caught.value.text
    assert says in error.what
    assert error.why
    assert error.next_step
    line = int(re.match(r"call\.toml:(\d+)", error.where)[1])
    assert new.split(" ")[0] in broken.split("\n")[line - 1] or abs(line - broken[: broken.index(new)].count("\n")) <= 9


def test_a_key_is_found_in_its_table():
    text = 'a = 1\n[[field]]\nname = "x"\n[[field]]\nname = "y"\n[field.flags]\nB = 1\nC = 2\n'
    assert find_line(text, "a") == 1
    assert find_line(text, "field[0].name") == 3
    assert find_line(text, "field[1].name") == 5
    assert find_line(text, "field[1].flags.C") == 8
    assert find_line(text, "field[7]") == 1
    assert find_line(text, "") == 1


@given(st.text(max_size=300))
def test_no_text_crashes_the_readers(text):
    for parse in (parse_spec, parse_extension):
        with contextlib.suppress(UserError):
            parse(text, file="fuzz")


@given(st.integers(0, len(SPEC)), st.text(alphabet='[]"={}\n, abu64', max_size=6))
def test_no_damage_to_a_specification_crashes_it(place, insert):
    with contextlib.suppress(UserError):
        parse_spec(SPEC[:place] + insert + SPEC[place:], file="fuzz")


@given(st.lists(st.sampled_from(sorted(SIZES)), min_size=1, max_size=12), st.integers(0, 8))
def test_every_struct_is_without_holes_and_ends_at_a_multiple_of_eight(types, start):
    members = lay_out([Field(name=f"f{n}", type=kind) for n, kind in enumerate(types)], start=8 * start)
    offset = 8 * start
    for member in members:
        assert member.offset == offset
        assert offset % member.field.size == 0
        offset = member.end
    assert offset % 8 == 0
    assert [member.field.type for member in members if not member.reserved] == types
    names = [member.field.name for member in members]
    assert len(names) == len(set(names))

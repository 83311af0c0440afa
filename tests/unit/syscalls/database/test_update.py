# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What reading headers does to the database: first appearances, last absences, in whatever order."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from pumphouse.core.errors import UserError
from pumphouse.syscalls.database import Database, update_database
from pumphouse.syscalls.domain.database.call import Call, Extensible, Flag, Word
from pumphouse.syscalls.domain.tree.uapi import UapiHeaders

pytestmark = pytest.mark.unit

OLD = "struct how { __u64 flags; };\n#define HOW_A 1\n"
NEW = "struct how { __u64 flags; __u64 more; };\n#define HOW_A 1\n#define HOW_B 2\n#define HOW_SIZE_VER1 16\n"


def make_database():
    call = Call(
        name="demo",
        since="5.6",
        evidence="demo(2)",
        headers=["linux/demo.h"],
        struct=Extensible(tag="how", via="argument", macros="HOW_SIZE_VER*"),
        word=[Word(id="how.flags", constants=["HOW_*"], but=["HOW_SIZE_VER*"])],
    )
    return Database(calls={"demo": call}, releases={"5.6": "2020-03-29"}, history=[], backports=[])


def read(database, text, tag, date="2020-01-01"):
    return update_database(database, UapiHeaders({"linux/demo.h": text}), tag=tag, date=date, source="test")


def test_a_flag_is_dated_by_the_first_headers_that_have_it():
    database = make_database()
    read(database, OLD, "v5.11")
    changes = read(database, NEW, "v5.12-rc4")
    assert {(change.name, change.what) for change in changes} == {("HOW_B", "new"), ("16 bytes", "new")}
    (word,) = database.calls["demo"].word
    assert word.flags["HOW_B"] == Flag(value=2, since="5.12", seen="v5.12-rc4", absent="v5.11")
    assert word.flags["HOW_B"].precision == "exact"
    sizes = database.calls["demo"].struct.sizes
    assert [(size.bytes, size.macro, size.since) for size in sizes] == [(8, "", "5.11"), (16, "HOW_SIZE_VER1", "5.12")]
    assert sizes[1].precision == "exact"


def test_the_order_of_reading_does_not_matter_for_the_dates():
    readings = [(OLD, "v5.10"), (OLD, "v5.11"), (NEW, "v5.12-rc4"), (NEW, "v5.12"), (NEW, "v6.1")]
    dates = set()
    for order in itertools.permutations(readings):
        database = make_database()
        for text, tag in order:
            read(database, text, tag)
        call = database.calls["demo"]
        flag = call.word[0].flags["HOW_B"]
        dates.add((flag.since, flag.seen, flag.absent, call.struct.sizes[1].since, call.word[0].flags["HOW_A"].since))
    assert dates == {("5.12", "v5.12-rc4", "v5.11", "5.12", "5.10")}


def test_reading_the_same_headers_twice_changes_nothing():
    database = make_database()
    read(database, NEW, "v5.12")
    before = msgspec.json.encode(database)
    assert read(database, NEW, "v5.12") == []
    assert msgspec.json.encode(database) == before


def test_nothing_is_dated_before_its_call():
    database = make_database()
    read(database, OLD, "v5.3")
    assert database.calls["demo"].word[0].flags["HOW_A"].since == "5.6"


def test_a_stable_branch_does_not_date_what_a_later_mainline_release_lacks():
    database = make_database()
    read(database, OLD, "v5.11")
    read(database, NEW, "v5.12")
    (change,) = [change for change in read(database, NEW, "v5.10.40") if change.name == "HOW_B"]
    assert "a backport?" in change.what
    assert database.calls["demo"].word[0].flags["HOW_B"].since == "5.12"


def test_a_date_is_at_the_latest_where_the_release_before_was_not_read():
    database = make_database()
    read(database, OLD, "v5.8")
    read(database, NEW, "v5.12")
    assert database.calls["demo"].word[0].flags["HOW_B"].precision == "at latest"


def test_what_a_document_says_stands():
    database = make_database()
    database.calls["demo"].word[0].flags["HOW_B"] = Flag(since="5.9", document="demo(2)")
    read(database, NEW, "v5.12")
    flag = database.calls["demo"].word[0].flags["HOW_B"]
    assert (flag.value, flag.since, flag.seen, flag.precision) == (2, "5.9", "v5.12", "exact")


def test_a_value_that_differs_is_told():
    database = make_database()
    read(database, NEW, "v5.12")
    changes = read(database, NEW.replace("HOW_B 2", "HOW_B 4"), "v5.13")
    assert [change.what for change in changes] == ["its value is 0x4, it was 0x2"]


def test_a_new_release_needs_its_date():
    with pytest.raises(UserError, match="is not known"):
        read(make_database(), NEW, "v9.9", date="")

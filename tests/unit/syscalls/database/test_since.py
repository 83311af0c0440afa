# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Questions to the database that ships, and the command that asks them."""

from __future__ import annotations

import json

import pytest

from pumphouse.core.errors import UserError
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.database.capability import call_at
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import find_answer, has_it

pytestmark = pytest.mark.unit


def ask(question):
    database = shipped_database()
    return find_answer(database.calls, database.releases, database.backports, question)


@pytest.mark.parametrize(
    ("question", "since", "value"),
    [
        ("openat2", "5.6", None),
        ("openat2.RESOLVE_CACHED", "5.12", 0x20),
        ("RESOLVE_CACHED", "5.12", 0x20),
        ("open_how.resolve.RESOLVE_CACHED", "5.12", 0x20),
        ("clone3.CLONE_INTO_CGROUP", "5.7", 1 << 33),
        ("mount_setattr.MOUNT_ATTR_NOSYMFOLLOW", "5.14", 0x200000),
        ("LANDLOCK_ACCESS_FS_REFER", "5.19", 1 << 13),
        ("landlock_create_ruleset.LANDLOCK_ACCESS_FS_TRUNCATE", "6.2", 1 << 14),
        ("LANDLOCK_ACCESS_NET_BIND_TCP", "6.7", 1),
        ("LANDLOCK_ACCESS_FS_IOCTL_DEV", "6.10", 1 << 15),
        ("LANDLOCK_SCOPE_SIGNAL", "6.12", 2),
        ("LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON", "6.15", 2),
        ("statmount.STATMOUNT_MNT_NS_ID", "6.11", 0x40),
        ("STATMOUNT_SUPPORTED_MASK", "6.15", 0x1000),
        ("STATMOUNT_BY_FD", "7.0", 1),
        ("OPENAT2_REGULAR", "7.2", 1 << 32),
    ],
)
def test_a_name_is_answered_with_its_release(question, since, value):
    answer = ask(question)
    assert (answer.since, answer.value) == (since, value)
    assert answer.precision == "exact"
    assert answer.evidence


@pytest.mark.parametrize(
    ("question", "since", "size"),
    [
        ("clone3.VER2", "5.7", 88),
        ("clone_args.VER1", "5.5", 80),
        ("CLONE_ARGS_SIZE_VER2", "5.7", 88),
        ("perf_event_open.VER8", "6.3", 136),
        ("perf_event_open.144", "6.19", 144),
        ("landlock_create_ruleset.VER3", "7.2", 48),
        ("statmount.VER1", "6.11", 32),
        ("sched_setattr.VER1", "5.3", 56),
    ],
)
def test_a_version_of_a_struct_is_answered_with_its_size(question, since, size):
    answer = ask(question)
    assert (answer.since, answer.bytes) == (since, size)


def test_the_answer_comes_first_and_the_evidence_after(capsys):
    assert run_command(["syscalls", "since", "openat2.RESOLVE_CACHED"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "RESOLVE_CACHED of openat2 (open_how.resolve, 0x20): since 5.12 (2021-04-25)."
    assert lines[1] == "  evidence: in the headers of v5.12-rc4, not in those of v5.11"
    assert max(map(len, lines)) < 80
    assert "/syscalls/matrix" in told.err


def test_a_word_lists_its_flags_by_value(capsys):
    assert run_command(["syscalls", "since", "clone_args.flags", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["kind"] == "word"
    assert answer["parts"][0].startswith("CLONE_NEWTIME 0x80")


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("openat2.RESOLVE_CACHD", "did you mean openat2.RESOLVE_CACHED"),
        ("opnat2", "did you mean openat2"),
        ("MOUNT_ATTR_IDMAP", "mount_setattr.MOUNT_ATTR_IDMAP"),
        ("zzzzqqq", "database show"),
    ],
)
def test_a_name_that_is_not_known_or_not_alone_offers_others(question, says, capsys):
    assert run_command(["syscalls", "since", question]) == 2
    assert says in capsys.readouterr().err


def test_a_flag_of_two_words_of_one_call_is_one_answer():
    answer = ask("mount_setattr.MOUNT_ATTR_NOSYMFOLLOW")
    assert answer.sentence.startswith(
        "MOUNT_ATTR_NOSYMFOLLOW of mount_setattr (mount_attr.attr_set and mount_attr.attr_clr, 0x200000): since 5.14"
    )


@pytest.mark.parametrize(("release", "code"), [("6.1", 0), ("5.12", 0), ("5.11", 1), ("v5.12-rc4", 0)])
def test_a_release_is_asked_whether_it_has_a_thing(release, code, capsys):
    assert run_command(["syscalls", "since", "RESOLVE_CACHED", "--release", release]) == code
    assert capsys.readouterr().out.startswith("No: " if code else "Yes: ")


def test_the_masks_of_a_release_are_those_of_its_source():
    calls = shipped_database().calls
    masks = {word.word: word.mask for word in call_at(calls["openat2"], "6.1").words}
    assert masks["open_how.flags"] == 0x7FFFC3
    assert masks["open_how.resolve"] == 0x3F
    assert call_at(calls["openat2"], "5.6").words[2].mask == 0x1F
    assert call_at(calls["clone3"], "6.18").words[0].mask == 0x3FFBFFF80
    assert call_at(calls["sched_setattr"], "6.18").words[1].mask == 0x7F
    assert call_at(calls["landlock_create_ruleset"], "6.18").words[1].mask == 0xFFFF
    assert call_at(calls["file_setattr"], "6.18").words[1].mask == 0x8001FFFB
    assert call_at(calls["mount_setattr"], "6.1").words[0].mask == 0x9900


def test_the_news_of_a_release_are_what_it_was_the_first_to_have(capsys):
    assert run_command(["syscalls", "since", "--release", "6.12", "--json"]) == 0
    news = json.loads(capsys.readouterr().out)
    (landlock,) = [call for call in news["new"] if call["call"] == "landlock_create_ruleset"]
    assert landlock["bytes"] == 24
    assert landlock["is_size_new"]
    assert all(has_it(word_since, "6.12") for word_since in ["6.12", "5.13"])


@pytest.mark.parametrize("arguments", [[], ["--release", "9.9"], ["openat2", "--release", "zork"]])
def test_a_question_that_is_none_exits_with_2(arguments, capsys):
    assert run_command(["syscalls", "since", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_versions_are_in_the_order_in_which_they_came():
    tags = ["2.6.31", "v3.14", "v5.9", "v5.10-rc1", "v5.10-rc10", "v5.10", "5.10.3", "v5.11-rc1", "6.1.0-51-amd64"]
    assert sorted(tags, key=read_tag) == tags
    assert [read_tag(tag).release for tag in ("2.6.31", "v5.12-rc4", "6.1.192")] == ["2.6.31", "5.12", "6.1"]


@pytest.mark.parametrize("text", ["", "six", "v6", "6.", "-1.2"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(UserError, match="not a kernel version"):
        read_tag(text)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The files of the database: whole, and true against the headers of kernels that are here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import UserError
from pumphouse.lab.tree import read_version
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.database import (
    FOLDER,
    load_headers,
    open_database,
    save_database,
    shipped_database,
    wanted_headers,
)
from pumphouse.syscalls.domain.database.call_file import read_call, write_call
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import has_it

pytestmark = pytest.mark.unit

CALLS = sorted(shipped_database().calls)
BACKPORTED = {"LANDLOCK_CREATE_RULESET_ERRATA"}  # in stable branches, from 6.15 on in mainline


@pytest.mark.parametrize("name", CALLS)
def test_a_file_is_written_as_it_is_read(name):
    path = FOLDER / "calls" / f"{name}.toml"
    text = path.read_text()
    assert write_call(read_call(text, where=str(path))) == text


def test_every_fact_has_a_date_and_evidence():
    database = shipped_database()
    for call in database.calls.values():
        assert call.evidence
        assert call.since in database.releases
        facts = [flag for word in call.word for flag in word.flags.values()]
        for fact in [*facts, *(call.struct.sizes if call.struct else [])]:
            assert fact.since in database.releases, (call.name, fact)
            assert read_tag(fact.since) >= read_tag(call.since), (call.name, fact)
            assert fact.seen or fact.document, (call.name, fact)


def test_the_readings_cover_every_release_from_5_11_on():
    database = shipped_database()
    read = {read_tag(item.tag).release for item in database.history}
    assert {release for release in database.releases if read_tag(release) >= read_tag("5.11")} <= read | {"6.3"}
    assert {"5.3", "7.2"} <= set(database.releases)


def test_the_calls_of_the_conventions_are_all_there():
    database = shipped_database()
    extensible = {name for name, call in database.calls.items() if call.struct}
    assert len(extensible) >= 16
    assert len([word for call in database.calls.values() for word in call.word if word.flags]) >= 40


def cached_tree(release: str) -> Path:
    """The unpacked source of a kernel of this release, where this machine has one."""
    for makefile in sorted(cache_dir("sources").glob("*/tree/Makefile")):
        if read_tag(read_version(makefile.parent)).release == release:
            return makefile.parent
    pytest.skip(f"no source of {release} is here; get it with: pumphouse syscalls lint deb:linux-source-{release}")


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_every_flag_and_size_of_a_trees_headers_is_known_by_that_release(release):
    database = shipped_database()
    headers = load_headers(cached_tree(release), wanted_headers(database.calls))
    checked = 0
    for call in database.calls.values():
        if not has_it(call.since, release):
            continue
        for word in call.word:
            for name, constant in headers.constants.items():
                if constant.header not in call.headers or not word.covers(name, constant) or name in BACKPORTED:
                    continue
                if word.kind == "values" and constant.value >= 1 << 63:
                    continue
                assert name in word.flags, (call.name, name)
                assert word.flags[name].value == constant.value
                # A document dates some by the code, which may be older or younger than the header's name for the bit.
                later = (call.name, name, word.flags[name].since)
                assert word.flags[name].document or has_it(word.flags[name].since, release), later
                checked += 1
            for name, flag in word.flags.items():
                if has_it(flag.since, release) and not flag.document:
                    assert name in headers.constants, (call.name, name)
        if call.struct:
            size = headers.size(call.struct.tag, call.struct.kind)
            there = [item.bytes for item in call.struct.sizes if has_it(item.since, release)]
            assert size is None or size == max(there), call.name
    assert checked > 200


def test_the_update_command_writes_what_is_new_and_tells_it(tmp_path, capsys):
    shutil.copytree(FOLDER, tmp_path / "data")
    header = tmp_path / "uapi" / "linux" / "openat2.h"
    header.parent.mkdir(parents=True)
    header.write_text("struct open_how { __u64 flags, mode, resolve, more; };\n#define RESOLVE_NEW 0x40\n")
    command = ["syscalls", "database", "update", "--headers", str(tmp_path / "uapi"), "--data", str(tmp_path / "data")]
    assert run_command([*command, "--release", "v7.3-rc1", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {change["name"] for change in changes} == {"RESOLVE_NEW", "32 bytes"}
    call = open_database(tmp_path / "data").calls["openat2"]
    flag = call.find_word("open_how.resolve").flags["RESOLVE_NEW"]
    assert (flag.since, flag.seen, flag.absent, flag.precision) == ("7.3", "v7.3-rc1", "v7.2", "exact")
    assert call.struct.sizes[-1].bytes == 32
    assert run_command([*command, "--release", "v7.3"]) == 2
    assert "--date YYYY-MM-DD" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    shutil.copytree(FOLDER, tmp_path / "data")
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "openat2.h").write_text("#define RESOLVE_NEW 0x40\n")
    before = (tmp_path / "data" / "calls" / "openat2.toml").read_bytes()
    command = ["syscalls", "database", "update", "--headers", str(tmp_path), "--data", str(tmp_path / "data")]
    assert run_command([*command, "--release", "v7.3-rc1", "--dry-run"]) == 0
    assert "would change" in capsys.readouterr().out
    assert (tmp_path / "data" / "calls" / "openat2.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--headers", "/nowhere", "--release", "v7.3-rc1"], "no uapi headers here"),
        (["--headers", "/nowhere", "--release", "v7.3", "--date", "soon"], "YYYY-MM-DD"),
    ],
)
def test_a_wrong_update_exits_with_2(arguments, says, capsys):
    assert run_command(["syscalls", "database", "update", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_the_list_of_calls_begins_with_how_much_there_is(capsys):
    assert run_command(["syscalls", "database", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{len(CALLS)} calls, ")
    assert max(map(len, lines)) < 80
    assert any(line.split()[:2] == ["openat2", "5.6"] for line in lines)


@pytest.mark.parametrize(
    "text", ["", "name = 1", 'name = "x"\nsince = "5.6"\nevidence = "e"\nheaders = []\nzork = 1', "["]
)
def test_a_file_that_is_wrong_is_refused_with_its_name(text):
    with pytest.raises(UserError) as caught:
        read_call(text, where="some/file.toml")
    assert caught.value.text.where == "some/file.toml"


def test_a_folder_without_a_database_says_what_is_missing(tmp_path):
    with pytest.raises(UserError, match="no database here"):
        open_database(tmp_path)


def test_the_files_of_releases_readings_and_backports_are_written_as_they_are_read(tmp_path):
    save_database(open_database(FOLDER), tmp_path)
    for name in ("history.toml", "backports/debian.toml"):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), name
    assert open_database(tmp_path) == open_database(FOLDER)

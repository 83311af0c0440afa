# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a probe saw beside what mainline had: marks, differences, and the command that records a vendor's backport."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.database import FOLDER, open_database, shipped_database
from pumphouse.syscalls.domain.database.probed import (
    Probed,
    ProbedCall,
    ProbedWord,
    find_differences,
    mark_call,
    mark_flag,
    mark_size,
    read_probed,
)
from pumphouse.syscalls.domain.probe_answer import answer_probe

pytestmark = pytest.mark.unit

SEEN = Path(__file__).parents[3] / "data" / "syscalls" / "probe_6.18.json"
OPENAT2 = shipped_database().calls["openat2"]
RESOLVE = OPENAT2.find_word("open_how.resolve")


def probed(release, mask="0x3f", *, presence="present", size=24, state="answered", undecided="0x0"):
    word = ProbedWord(name="open_how.resolve", state=state, mask=mask, undecided=undecided)
    return Probed(release=release, calls=[ProbedCall(name="openat2", presence=presence, size=size, words=[word])])


@pytest.mark.parametrize(
    ("seen", "mark"),
    [
        (probed("5.12.0"), "both"),
        (probed("5.10.0-8-amd64"), "kernel only"),
        (probed("6.1.0", "0x1f"), "mainline only"),
        (probed("5.10", "0x1f"), "neither"),
        (probed("6.1", state="unknown"), "unknown"),
        (probed("6.1", "0x1f", undecided="0x20"), "unknown"),
        (probed("6.1", presence="refused by seccomp"), "unknown"),
        (probed("5.4", "0x0", presence="missing"), "neither"),
        (Probed(release="6.1"), "unknown"),
    ],
)
def test_a_flag_is_marked_by_both_witnesses(seen, mark):
    assert mark_flag(RESOLVE.flags["RESOLVE_CACHED"], RESOLVE, OPENAT2, seen) == mark


def test_a_call_and_a_size_are_marked_likewise():
    assert mark_call(OPENAT2, probed("5.4")) == "kernel only"
    assert mark_call(OPENAT2, probed("6.1", presence="missing")) == "mainline only"
    assert mark_size(24, "5.6", OPENAT2, probed("6.1")) == "both"
    assert mark_size(24, "5.6", OPENAT2, probed("6.1", size=0)) == "unknown"
    assert mark_size(32, "9.9", OPENAT2, probed("6.1", size=40)) == "kernel only"


def test_what_a_kernel_has_beyond_its_release_is_found_also_without_a_name():
    found = find_differences(shipped_database().calls, probed("5.10", "0x13f", size=32))
    assert {(item.kind, item.name, item.mainline) for item in found} == {
        ("flag", "RESOLVE_CACHED", "5.12"),
        ("bit", "0x100", ""),
        ("size", "32", ""),
    }


@pytest.mark.parametrize(
    ("release", "beyond"),
    [
        # The bit that openat2 drops before it looks for unknown ones (rule R2), and a backport to stable branches.
        ("6.1", ["landlock_create_ruleset.LANDLOCK_CREATE_RULESET_ERRATA", "openat2.0x4000000"]),
        ("6.12", ["landlock_create_ruleset.LANDLOCK_CREATE_RULESET_ERRATA", "openat2.0x2000000"]),
        ("6.18", []),
    ],
)
def test_the_database_has_the_masks_and_sizes_of_real_kernels_bit_by_bit(release, beyond):
    """Debian's 6.1.0-56 and 6.12.117+deb12 in QEMU, and a 6.18.44, as the probe saw them."""
    path = SEEN.with_name(f"probe_{release}.json")
    answer = answer_probe(read_probed(path.read_bytes(), where="test"), shipped_database().calls)
    assert (answer.base, answer.beyond, answer.without) == (release, beyond, [])
    assert answer.words >= 48


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"release": "six"}', '{"release": "6.1", "calls": [{"name": 1}]}'])
def test_what_is_no_probe_is_refused(text):
    with pytest.raises(UserError, match="not the JSON of a probe"):
        read_probed(text, where="test")


@given(st.text(max_size=60), st.integers(0, 400))
def test_a_damaged_probe_is_refused_or_read_but_never_breaks(noise, at):
    text = SEEN.read_text()
    damaged = text[:at] + noise + text[at + len(noise) :]
    try:
        seen = read_probed(damaged, where="test")
    except UserError:
        return
    answer_probe(seen, shipped_database().calls)


def test_a_backport_is_recorded_beside_the_history_and_shown_with_it(tmp_path, capsys):
    shutil.copytree(FOLDER, tmp_path / "data")
    seen = json.loads(SEEN.read_text())
    seen["release"] = "5.10.0-99-amd64"
    (tmp_path / "probe.json").write_text(json.dumps(seen))
    command = ["syscalls", "database", "backport", str(tmp_path / "probe.json"), "--data", str(tmp_path / "data")]
    history = (tmp_path / "data" / "calls" / "openat2.toml").read_bytes()
    for _ in range(2):  # the second time replaces the first
        assert run_command([*command, "--vendor", "demo", "--version", "5.10.9-1"]) == 0
    assert "demo 5.10.9-1 has" in capsys.readouterr().out.splitlines()[0]
    backports = [item for item in open_database(tmp_path / "data").backports if item.vendor == "demo"]
    assert len(backports) == 1
    assert ("openat2", "RESOLVE_CACHED", "5.12") in {
        (item.call, item.name, item.mainline) for item in backports[0].difference
    }
    assert (tmp_path / "data" / "calls" / "openat2.toml").read_bytes() == history


def test_a_kernel_without_backports_leaves_nothing_and_exits_with_1(tmp_path, capsys):
    shutil.copytree(FOLDER, tmp_path / "data")
    command = ["syscalls", "database", "backport", str(SEEN), "--data", str(tmp_path / "data")]
    assert run_command([*command, "--vendor", "demo", "--version", "6.18.44"]) == 1
    assert "has 0 things beyond mainline 6.18" in capsys.readouterr().out
    assert not (tmp_path / "data" / "backports" / "demo.toml").exists()


@pytest.mark.parametrize("arguments", [["/nowhere", "--vendor", "demo"], [str(SEEN), "--vendor", "../x"]])
def test_a_wrong_backport_exits_with_2(arguments, capsys):
    assert run_command(["syscalls", "database", "backport", *arguments, "--version", "1"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_vendor_that_has_it_early_is_named_with_the_answer(capsys):
    assert run_command(["syscalls", "since", "LANDLOCK_CREATE_RULESET_ERRATA"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "since 6.15" in told
    assert "debian 6.1.192-2 (based on 6.1)" in told

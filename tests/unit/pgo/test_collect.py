# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What collect.sh brings becomes a bundle of the build that ran there; what is not of it is left out and told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import check_golden
from pgo_profiles import CALLS_GCDA, CALLS_GCNO
from pumphouse.core.errors import InfraError, UserError
from pumphouse.pgo.collect import (
    CollectOptions,
    _explain,
    describe_workload,
    fetch,
    find_script,
    pack_collected,
    script_argv,
    ssh_argv,
)
from pumphouse.pgo.domain.archive import pack_files
from pumphouse.pgo.domain.build_record import BuildRecord
from pumphouse.pgo.domain.bundle import WorkloadRecord
from pumphouse.pgo.domain.collected import Collected, read_collected
from pumphouse.pgo.domain.gcno import read_gcno

pytestmark = pytest.mark.unit

BUILD = BuildRecord(
    tree_identity="1" * 64,
    tree_version="6.1.192",
    toolchain="gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
    config_sha256="0" * 64,
    source_path="/usr/src/linux",
    objects_path="/home/me/objects",
)
FACTS = b"pumphouse-collected 1\nfiles 2\nreset yes\nduration_s 12\n"
REDIS = WorkloadRecord(name="redis")


def archive(facts: bytes = FACTS, **more: bytes) -> bytes:
    files = {
        "collected": facts,
        "counters/home/me/objects/kernel/calls.gcda": CALLS_GCDA,
        "counters/home/me/driver/driver.gcda": CALLS_GCDA,
        **more,
    }
    return pack_files(files)


def read(data: bytes, objects_path: str = "/home/me/objects") -> Collected:
    return read_collected(data, name="box.tar.gz", objects_path=objects_path)


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(data)
    assert caught.value.text.next_step
    return str(caught.value)


def test_paths_become_relative_to_the_build() -> None:
    collected = read(archive())
    assert collected.files == {"kernel/calls.gcda": CALLS_GCDA}
    assert collected.elsewhere == ["/home/me/driver/driver.gcda"]
    assert (collected.duration_s, collected.is_reset) == (12, True)
    assert read(archive(), "/home/me/objects/") == collected


def test_another_builds_counters_are_told_with_their_folder() -> None:
    with pytest.raises(UserError, match="none of its 2 files is of the build in /srv/o") as caught:
        read(archive(), "/srv/o")
    assert caught.value.text.why == "they are of objects in /home/me"


def test_archives_that_collect_did_not_write_are_refused() -> None:
    assert "it is not of collect.sh" in refusal(pack_files({"x": b""}))
    assert "`collected` in it is damaged" in refusal(archive(FACTS.replace(b"12", b"soon")))
    assert "holds 2 files of counters instead of 3" in refusal(archive(FACTS.replace(b"files 2", b"files 3")))
    assert "cut off" in refusal(archive()[:-8])
    assert "none of its 0 files" in refusal(pack_files({"collected": FACTS.replace(b"files 2", b"files 0")}))


@given(st.binary(max_size=60))
def test_rubbish_in_the_facts_never_crashes(facts: bytes) -> None:
    for data in (facts, FACTS[:22] + facts):
        try:
            read(archive(data))
        except UserError as error:
            assert error.text.next_step  # noqa: PT017 - most are refused


def test_what_was_collected_becomes_a_bundle_of_the_build() -> None:
    notes = {"kernel/calls": read_gcno(CALLS_GCNO, name="x")}
    damaged = Collected(
        files={
            "kernel/calls.gcda": CALLS_GCDA,
            "kernel/cut.gcda": CALLS_GCDA[:70],
            "mm/stranger.gcda": CALLS_GCDA,
        },
        elsewhere=["/home/me/driver/driver.gcda"],
        duration_s=12,
        is_reset=True,
    )
    packed = pack_collected(damaged, notes, BUILD, workload=REDIS)
    manifest = packed.bundle.manifest
    assert list(packed.bundle.profile) == ["kernel/calls"]
    assert (manifest.compiler, manifest.source.version, manifest.duration_s) == (BUILD.toolchain, "6.1.192", 12)
    assert packed.left_out == [
        "/home/me/driver/driver.gcda: of no object of this build",
        "kernel/cut.gcda: it ends in the middle of the counters of function 108032747",
        "mm/stranger.gcda: of no object of this build",
    ]
    changed = msgspec.structs.replace(notes["kernel/calls"], functions=(), stamp=1)
    with pytest.raises(UserError, match="none of 2 files of counters can be used") as caught:
        pack_collected(read(archive()), {"kernel/calls": changed}, BUILD, workload=REDIS)
    assert caught.value.text.why == "/home/me/driver/driver.gcda: of no object of this build"


def test_the_commands_are_as_reviewed() -> None:
    options = [
        CollectOptions(),
        CollectOptions(reset=True, seconds=60),
        CollectOptions(reset=True, command=("redis-benchmark", "-n", "1000", "a b", "$(reboot)")),
    ]
    lines = [" | ".join(argv) for one in options for argv in (script_argv(one), ssh_argv("root@box", one))]
    check_golden("pgo/collect-argv.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("host", ["", "-oProxyCommand=reboot", "box reboot"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(UserError, match="is no host"):
        ssh_argv(host, CollectOptions())


def test_each_way_to_fail_is_told_apart() -> None:
    assert isinstance(_explain(1, ["ssh"]), UserError)
    assert "could not be reached" in str(_explain(255, ["ssh"]))
    assert "nothing could be collected there" in str(_explain(3, ["ssh"]))
    with pytest.raises(InfraError, match="is not on this machine"):
        fetch(["no-such-ssh"])
    assert find_script().name == "collect.sh"


def test_a_workload_is_named_by_its_file(tmp_path) -> None:
    path = tmp_path / "redis.toml"
    path.write_text("x = 1\n")
    described = describe_workload(str(path))
    assert described.name == "redis"
    assert len(described.sha256) == 64
    assert describe_workload("by hand") == WorkloadRecord(name="by hand")

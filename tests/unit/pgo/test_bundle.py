# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles: the same bytes each time, nothing of the machine, and a reader that trusts nobody."""

from __future__ import annotations

import getpass
import gzip
import io
import socket
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgo_profiles import CALLS_GCDA, CALLS_GCNO, as_kernel_writes, make_function, make_gcda
from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.archive import pack_files, unpack_files
from pumphouse.pgo.domain.build_record import read_build_record
from pumphouse.pgo.domain.bundle import (
    ANYWHERE,
    Bundle,
    SourceRecord,
    WorkloadRecord,
    list_differences,
    make_bundle,
    move_bundle,
    read_bundle,
    write_bundle,
)
from pumphouse.pgo.domain.gcda import Gcda, read_gcda
from pumphouse.pgo.domain.gcno import read_gcno
from pumphouse.pgo.domain.names import name_functions

pytestmark = pytest.mark.unit

PATH = "/home/somebody/linux-6.1"


def make(profile: dict[str, Gcda] | None = None) -> Bundle:
    gcda = as_kernel_writes(read_gcda(CALLS_GCDA, name="calls.gcda"))
    notes = read_gcno(CALLS_GCNO, name="calls.gcno")
    sources = {"hot": "/home/somebody/objects/hot.c", "never": "./include/generated/never.h"}
    functions = tuple(
        msgspec.structs.replace(one, source=sources.get(one.name, f"{PATH}/kernel/calls.c")) for one in notes.functions
    )
    return make_bundle(
        {"kernel/calls": gcda, "idle": make_gcda(make_function(5, 0))} if profile is None else profile,
        name_functions({"kernel/calls": msgspec.structs.replace(notes, functions=functions)}, PATH),
        compiler="gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        config_sha256="0" * 64,
        source=SourceRecord(identity="1" * 64, version="6.1.192", path=PATH),
        workload=WorkloadRecord(name="redis", sha256="2" * 64),
        duration_s=12.5,
    )


BUNDLE = make()
DATA = write_bundle(BUNDLE)


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_bundle(data, name="x.bundle")
    assert caught.value.text.what.startswith("x.bundle")
    assert caught.value.text.next_step
    return caught.value.text.what


def repack(**changes: bytes | None) -> bytes:
    """The bundle with files changed, added, or (None) left out."""
    files = unpack_files(DATA, name="x")
    for name, content in changes.items():
        if content is None:
            del files[name]
        else:
            files[name] = content
    return pack_files(files)


def tar(*members: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, "/etc/passwd"
    return made


def test_a_bundle_is_read_as_it_was_made_and_always_the_same_bytes() -> None:
    assert read_bundle(DATA, name="x") == BUNDLE
    assert write_bundle(read_bundle(DATA, name="x")) == DATA
    assert write_bundle(make(dict(reversed(BUNDLE.profile.items())))) == DATA


def test_the_manifest_tells_where_the_profile_is_from() -> None:
    manifest = msgspec.json.decode(unpack_files(DATA, name="x")["manifest.json"])
    assert manifest["compiler"] == "gcc (Debian 12.2.0-14+deb12u1) 12.2.0"
    assert manifest["gcda_version"] == "B22*"
    assert manifest["source"] == {"identity": "1" * 64, "version": "6.1.192", "path": PATH}
    assert manifest["workload"] == {"name": "redis", "sha256": "2" * 64}
    assert manifest["coverage"]["functions_executed"] == 2
    assert set(manifest["counters"]) == {"idle", "kernel/calls"}


def test_nothing_else_of_the_machine_is_in_it(tmp_path: Path) -> None:
    moved, lost = move_bundle(BUNDLE, ANYWHERE)
    assert [(one.name, one.why) for one in lost] == [("", "its name is not known")]  # of `idle`, which has no notes
    plain = gzip.decompress(write_bundle(moved))
    machine = [
        socket.gethostname(),
        getpass.getuser(),
        "/home",
        "somebody",
        "/build/example",
        str(tmp_path),
        str(Path.cwd()),
    ]
    assert [word for word in machine if word.encode() in plain] == []
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        for one in archive:
            assert (one.uid, one.gid, one.uname, one.gname, one.mtime, one.mode) == (0, 0, "", "", 0, 0o644)


def test_a_bundle_follows_its_tree() -> None:
    there, _ = move_bundle(BUNDLE, ANYWHERE)
    assert there.manifest.source.path == ANYWHERE
    assert there.manifest.coverage == BUNDLE.manifest.coverage
    back, _ = move_bundle(there, PATH)
    idents = [[one.ident for one in side.profile["kernel/calls"].functions] for side in (back, BUNDLE)]
    assert idents[0] == idents[1]


def test_a_bundle_of_nothing_is_not_made() -> None:
    with pytest.raises(UserError, match="no counters to pack"):
        make({})


def test_damage_and_additions_are_told_in_one_line() -> None:
    changed = CALLS_GCDA[:-12] + b"\1" + CALLS_GCDA[-11:]
    assert "counters/kernel/calls.gcda in it was changed" in refusal(repack(**{"counters/kernel/calls.gcda": changed}))
    assert "counters/idle.gcda is missing in it" in refusal(repack(**{"counters/idle.gcda": None}))
    assert "evil.sh in it is not in its manifest" in refusal(repack(**{"evil.sh": b"#!"}))
    assert "has no manifest.json" in refusal(repack(**{"manifest.json": None}))
    assert "names.json in it was changed" in refusal(repack(**{"names.json": b"{}"}))
    assert "its manifest is damaged" in refusal(repack(**{"manifest.json": b"{"}))
    assert "its manifest is damaged" in refusal(repack(**{"manifest.json": b"[" * 100_000}))
    assert "of schema 2, and 1 is read here" in refusal(repack(**{"manifest.json": b'{"schema": 2}'}))
    manifest = unpack_files(DATA, name="x")["manifest.json"]
    outside = manifest.replace(b'"idle"', b'"../idle"')
    assert "'../idle', which is no object" in refusal(repack(**{"manifest.json": outside}))
    assert "manifest is damaged" in refusal(repack(**{"manifest.json": manifest.replace(PATH.encode(), b"linux")}))
    assert "manifest is damaged" in refusal(
        repack(**{"manifest.json": manifest.replace(b'"schema"', b'"more": 1, "schema"')})
    )
    other = manifest.replace(b"B22*", b"B23*")
    assert "of another compiler than the manifest says" in refusal(repack(**{"manifest.json": other}))


def test_archives_that_mean_harm_are_refused() -> None:
    assert "'../up' in it leads out of it" in refusal(tar(member("../up")))
    assert "'/etc/cron.d/x' in it leads out of it" in refusal(tar(member("/etc/cron.d/x")))
    assert "'a/../../x' in it leads out of it" in refusal(tar(member("a/../../x")))
    assert "'x' in it is no file" in refusal(tar(member("x", tarfile.SYMTYPE)))
    assert "'x' in it is no file" in refusal(tar(member("x", tarfile.LNKTYPE)))
    assert "'x' in it is no file" in refusal(tar(member("x", tarfile.CHRTYPE)))
    assert "'x' comes twice" in refusal(tar(member("x"), member("x")))
    assert "neither .tar.gz nor .tar" in refusal(b"")
    assert "neither .tar.gz nor .tar" in refusal(b"PK\3\4" + bytes(600))
    assert "is cut off" in refusal(DATA[:-20])
    assert "3 bytes follow its end" in refusal(DATA + b"abc")
    with pytest.raises(UserError, match="unpacks to more than 1 MB"):
        unpack_files(tar(member("zeros", size=2_000_000)), name="bomb", unpacked_max=1_000_000)


@given(st.data())
def test_damaged_bundles_never_crash_the_reader(draw: st.DataObject) -> None:
    damaged = bytearray(gzip.decompress(DATA) if draw.draw(st.booleans()) else DATA)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    damaged = damaged[: draw.draw(st.integers(0, len(damaged)))] if draw.draw(st.booleans()) else damaged
    try:
        read = read_bundle(bytes(damaged), name="x")
    except UserError as error:
        assert error.text.next_step  # noqa: PT017 - most are refused, the others must be whole
    else:
        assert read.profile == BUNDLE.profile


def test_a_build_says_where_its_tree_and_its_objects_are() -> None:
    metadata = {
        "tree": "deb:linux-source-6.1",
        "tree_identity": "1" * 64,
        "tree_version": "6.1.192",
        "toolchain": "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        "config_sha256": "0" * 64,
        "command": ["make", "-C", "/usr/src/linux", "O=/tmp/objects", "ARCH=x86_64", "bzImage"],
    }
    record = read_build_record(msgspec.json.encode(metadata), name="metadata.json")
    assert (record.source_path, record.objects_path) == ("/usr/src/linux", "/tmp/objects")
    assert list_differences(BUNDLE.manifest, record) == []
    other = msgspec.structs.replace(record, tree_version="6.1.200", config_sha256="a" * 64)
    assert list_differences(BUNDLE.manifest, other) == [
        "another source: 6.1.192 111111111111, here 6.1.200 111111111111",
        "another configuration: 000000000000, here aaaaaaaaaaaa",
    ]
    for damaged in (
        b"",
        b"{}",
        b'{"command": "\x80"}',
        b"[" * 100_000,
        msgspec.json.encode(metadata | {"command": ["make"]}),
    ):
        with pytest.raises(UserError, match="does not describe a build"):
            read_build_record(damaged, name="metadata.json")

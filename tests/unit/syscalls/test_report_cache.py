# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The cache of reports: of this boot and these rights, and never a reason to fail."""

from __future__ import annotations

import os
import stat

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pumphouse.syscalls import recipes, report_cache
from pumphouse.syscalls.domain.probe.report import CallReport, Presence, Report

REPORT = Report(
    release="6.18",
    version="#1",
    machine="x86_64",
    elapsed_ms=1.0,
    cached=False,
    calls=tuple(
        CallReport(name=name, presence=Presence.PRESENT, how="EINVAL") for name in ("bpf", "clone3", "openat2")
    ),
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "pumphouse-syscalls"


def test_what_is_kept_is_read_and_says_that_it_is_cached(folder):
    assert report_cache.read(None) is None
    report_cache.keep(REPORT)
    assert report_cache.read(None) == msgspec.structs.replace(REPORT, cached=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_calls_that_are_named_are_read_out_of_the_whole():
    report_cache.keep(REPORT)
    assert [call.name for call in report_cache.read(["openat2", "bpf"]).calls] == ["bpf", "openat2"]
    assert report_cache.read(["openat3"]) is None


def test_without_a_runtime_folder_of_ours_the_cache_folder_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    monkeypatch.setenv("PUMPHOUSE_CACHE", str(tmp_path / "cache"))
    report_cache.keep(REPORT)
    assert report_cache.read(None) is not None
    assert list((tmp_path / "cache" / "syscalls").glob("*.msgpack"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), noise=st.binary(max_size=40))
def test_a_damaged_file_is_not_read_and_not_a_failure(folder, cut, noise):
    report_cache.keep(REPORT)
    file = next(folder.glob("*.msgpack"))
    whole = file.read_bytes()
    file.write_bytes(whole[:cut] + noise)
    told = report_cache.read(None)
    assert told is None or whole[:cut] + noise == whole or isinstance(told, Report)


def test_what_cannot_be_kept_is_no_failure(monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    report_cache.keep(REPORT)
    assert report_cache.read(None) is None


def test_nothing_is_left_beside_the_file_and_only_the_latest_are_kept(folder):
    folder.mkdir(parents=True)
    for i in range(20):
        (folder / f"{i}.msgpack").write_bytes(b"")
        os.utime(folder / f"{i}.msgpack", (i, i))
    report_cache.keep(REPORT)
    assert len(list(folder.iterdir())) == 16
    assert report_cache.read(None) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipes_fingerprint", lambda: "other recipes"),
        ("_SHAPE", "0"),
    ],
)
def test_other_recipes_or_records_have_another_file(monkeypatch, name, value):
    report_cache.keep(REPORT)
    monkeypatch.setattr(report_cache, name, value)
    assert report_cache.read(None) is None


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("/proc/self/status", "CapEff:\t", "CapEff:\t1"),
        ("/proc/self/status", "Seccomp:\t", "Seccomp:\t2"),
        ("/proc/self/status", "Seccomp_filters:\t", "Seccomp_filters:\t1"),
        ("/proc/sys/kernel/random/boot_id", "-", "0"),
    ],
)
def test_another_boot_other_rights_or_filters_have_another_file(monkeypatch, path, old, new):
    report_cache.keep(REPORT)
    true = report_cache.Path.read_text

    def read_text(self, *arguments, **options):
        text = true(self, *arguments, **options)
        return text.replace(old, new) if str(self) == path else text

    monkeypatch.setattr(report_cache.Path, "read_text", read_text)
    assert report_cache.read(None) is None


def test_where_proc_tells_nothing_nothing_is_kept(monkeypatch, folder):
    def refuse(self, *_, **__):
        raise FileNotFoundError(2, "No such file", str(self))

    monkeypatch.setattr(report_cache.Path, "read_text", refuse)
    report_cache.keep(REPORT)
    assert report_cache.read(None) is None
    assert not folder.exists()


def test_a_recipe_that_changes_changes_the_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    (tmp_path / "x.toml").write_text("a")
    one = recipes.recipes_fingerprint()
    (tmp_path / "x.toml").write_text("bb")
    assert recipes.recipes_fingerprint() != one

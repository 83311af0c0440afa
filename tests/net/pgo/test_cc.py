# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The compiler of a build with a profile: beside the real gcc, and beside one that fails on purpose."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess

import pytest

from pumphouse.pgo.native import build_native

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: sudo apt-get install gcc"),
]

SOURCE = """
static int half(int x) { if (x > 3) return x * 2; return x - 1; }
int sum(int n) { int s = 0; for (int i = 0; i < n; i++) s += half(i); return s; }
"""
MAIN = "int sum(int); int main(void) { return sum(1000) & 0; }\n"
# Fails with a profile as a compiler with a bug does; compiles without one.
CRASHES = """#!/bin/sh
case "$*" in *-fprofile-use*) echo "a.c:2:1: internal compiler error: Segmentation fault" >&2; exit 1 ;; esac
exec gcc "$@"
"""
KILLED = """#!/bin/sh
case "$*" in *-fprofile-use*) kill -9 $$ ;; esac
exec gcc "$@"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "a.c").write_text(SOURCE)
    (tmp_path / "main.c").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gcc(*words):
    subprocess.run(["gcc", "-O2", *words], check=True)


@pytest.fixture
def profiled(folder):
    gcc("-c", "-fprofile-arcs", "a.c", "-o", "a.o")
    gcc("main.c", "a.o", "-lgcov", "-o", "main")
    subprocess.run(["./main"], check=True)
    assert (folder / "a.gcda").exists()
    (folder / "a.o").unlink()
    return folder


def compile_with(folder, *, compiler="gcc", words=("-O2", "-c", "a.c", "-o", "a.o")):
    env = {**os.environ, "PUMPHOUSE_CC": str(compiler), "PUMPHOUSE_CC_LOG": str(folder / "log")}
    done = subprocess.run(
        [asyncio.run(build_native("cc")), *words], check=False, env=env, capture_output=True, text=True
    )
    log = folder / "log"
    return done, log.read_text() if log.exists() else ""


def write_compiler(folder, text):
    path = folder / "compiler"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_object_with_a_profile_is_compiled_with_it(profiled):
    done, log = compile_with(profiled)
    assert (done.returncode, log) == (0, "used a.o 1 0\n")
    with_profile = (profiled / "a.o").read_bytes()
    gcc("-c", "a.c", "-o", "a.o")
    assert (profiled / "a.o").read_bytes() != with_profile
    assert sorted(path.name for path in profiled.iterdir() if "pgo" in path.name) == []


def test_an_object_without_a_profile_is_compiled_as_ever(folder):
    done, log = compile_with(folder)
    assert (done.returncode, log) == (0, "")
    ours = (folder / "a.o").read_bytes()
    gcc("-c", "a.c", "-o", "a.o")
    assert (folder / "a.o").read_bytes() == ours


def test_a_profile_that_gcc_gives_up_without_a_word_is_told(profiled):
    # As the kernel writes it: the header, and no summary after it.
    content = (profiled / "a.gcda").read_bytes()
    assert content[16:20] == b"\x00\x00\x00\xa1"
    (profiled / "a.gcda").write_bytes(content[:16] + content[32:])
    done, log = compile_with(profiled)
    assert (done.returncode, done.stderr) == (0, "")
    assert log == "ignored a.o 0 1\n"


def test_an_object_on_which_the_compiler_crashes_is_built_without_and_named(profiled):
    done, log = compile_with(profiled, compiler=write_compiler(profiled, CRASHES))
    assert done.returncode == 0
    assert log == "quarantine a.o 0 0 a.c:2:1: internal compiler error: Segmentation fault\n"
    assert (profiled / "a.o").exists()


def test_a_compiler_that_is_killed_from_outside_is_not_the_profiles_fault(profiled):
    done, log = compile_with(profiled, compiler=write_compiler(profiled, KILLED))
    assert (done.returncode, log) == (-9, "")


def test_a_source_that_is_wrong_by_itself_fails_with_the_compilers_words(profiled):
    (profiled / "a.c").write_text(SOURCE + "int broken(\n")
    done, log = compile_with(profiled)
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert log == ""


def test_flags_beside_an_object_are_for_that_object_alone(profiled):
    (profiled / "a.pgo-flags").write_text("-DNEVER=1 -fno-such-flag\n")
    _, log = compile_with(profiled)
    assert log.startswith("quarantine a.o 0 0")
    assert "-fno-such-flag" in log


def test_what_is_not_a_compilation_goes_to_the_compiler_untouched(folder):
    done, log = compile_with(folder, words=("--version",))
    assert done.stdout == subprocess.run(["gcc", "--version"], check=True, capture_output=True, text=True).stdout
    assert log == ""

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The C header: it compiles without a warning, and its program says what Python says of the running kernel."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess

import pytest

from confinement import ERRNO, KILL_PROCESS, TRAP, install_filter, probe_confined
from pumphouse.syscalls.header import make_header
from pumphouse.syscalls.probe import probe
from pumphouse.syscalls.recipes import read_recipes

pytestmark = pytest.mark.net

COMPILERS = [
    ("gcc", ["-x", "c", "-std=c99", "-pedantic"], "gcc"),
    ("g++", ["-x", "c++", "-std=c++11"], "g++"),
    ("clang", ["-x", "c", "-std=c99", "-pedantic"], "clang"),
    ("aarch64-linux-gnu-gcc", ["-x", "c", "-std=c99"], "gcc-aarch64-linux-gnu"),
]
STRICT = ["-Wall", "-Wextra", "-Werror", "-O1"]


def compile_with(compiler, options, *arguments):
    return subprocess.run(
        [compiler, *options, *STRICT, *arguments], check=False, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("header")
    (folder / "pumphouse_probe.h").write_text(make_header())
    return folder


@pytest.fixture(scope="module")
def program(folder):
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: sudo apt-get install gcc")
    built = compile_with(
        "gcc",
        ["-x", "c", "-std=c99", "-pedantic", "-static", "-DPUMPHOUSE_PROBE_MAIN"],
        str(folder / "pumphouse_probe.h"),
        "-o",
        str(folder / "probe"),
    )
    assert built.returncode == 0, built.stderr
    return folder / "probe"


@pytest.mark.parametrize(("compiler", "options", "package"), COMPILERS, ids=[one[0] for one in COMPILERS])
def test_the_header_compiles_without_a_warning(folder, compiler, options, package):
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}: sudo apt-get install {package}")
    source = folder / "uses.c"
    source.write_text('#include "pumphouse_probe.h"\nint uses(void);\nint uses(void) { return PUMPHOUSE_PLANS; }\n')
    both = [str(source), "-I", str(folder), "-c", "-o", str(folder / "uses.o")]
    built = compile_with(compiler, options, *both)
    assert built.returncode == 0, built.stderr
    built = compile_with(compiler, options, "-DPUMPHOUSE_PROBE_MAIN", *both)
    assert built.returncode == 0, built.stderr


def test_the_program_and_python_agree_bit_by_bit_on_the_running_kernel(program):
    said = subprocess.run([program], capture_output=True, text=True, timeout=30, check=True)
    ours, theirs = probe(cache=False).to_data(), json.loads(said.stdout)
    assert list(ours) == list(theirs)
    for mine, other in zip(ours["calls"], theirs["calls"], strict=True):
        assert mine == other
    assert (ours["release"], ours["machine"]) == (theirs["release"], theirs["machine"])


def give_rights_up():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def filtered(action):
    plans = read_recipes()
    numbers = [plans[name].number.on(os.uname().machine) for name in ("clone3", "statx", "fsopen", "bpf")]
    return lambda: install_filter(numbers, action)


CONFINEMENTS = {
    "EPERM": filtered(ERRNO | errno.EPERM),
    "ENOSYS": filtered(ERRNO | errno.ENOSYS),
    "kill": filtered(KILL_PROCESS),
    "trap": filtered(TRAP),
    "without capabilities": give_rights_up,
}


@pytest.mark.parametrize("name", CONFINEMENTS)
def test_the_program_and_python_agree_when_they_are_confined(program, name):
    if name == "without capabilities" and os.geteuid() != 0:
        pytest.skip("needs root, to give rights up")
    folder = program.parent
    while name == "without capabilities" and folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o011)
        folder = folder.parent
        if folder.name == "tmp":
            break
    ran = subprocess.run(
        [program], preexec_fn=CONFINEMENTS[name], check=True, capture_output=True, text=True, timeout=30
    )
    ours = probe_confined(CONFINEMENTS[name], list(read_recipes().values())).to_data()
    for mine, other in zip(ours["calls"], json.loads(ran.stdout)["calls"], strict=True):
        assert mine == other


def test_the_program_answers_for_the_calls_that_are_named_and_refuses_a_name_without_a_recipe(program):
    said = subprocess.run([program, "openat2", "clone3"], capture_output=True, text=True, timeout=30, check=True)
    assert [call["name"] for call in json.loads(said.stdout)["calls"]] == ["clone3", "openat2"]
    refused = subprocess.run([program, "openat3"], check=False, capture_output=True, text=True, timeout=30)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no recipe for openat3" in refused.stderr


def test_a_header_of_one_call_is_small_and_its_functions_give_the_mask(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: sudo apt-get install gcc")
    (tmp_path / "pumphouse_probe.h").write_text(make_header(["openat2"]))
    assert "clone_args" not in (tmp_path / "pumphouse_probe.h").read_text()
    source = tmp_path / "uses.c"
    source.write_text(
        '#include "pumphouse_probe.h"\n#include <stdio.h>\n'
        "int main(void)\n{\n\tstruct pumphouse_call call;\n"
        '\tif (pumphouse_probe("openat2", &call) || pumphouse_probe("read", &call) != -2)\n\t\treturn 1;\n'
        '\tprintf("%llx %d\\n", pumphouse_mask("openat2", &call, "open_how.resolve"), call.size);\n\treturn 0;\n}\n'
    )
    built = compile_with("gcc", ["-std=c99"], str(source), "-o", str(tmp_path / "uses"))
    assert built.returncode == 0, built.stderr
    said = subprocess.run([tmp_path / "uses"], capture_output=True, text=True, check=True, timeout=30)
    found = probe(["openat2"], cache=False).call("openat2")
    assert said.stdout == f"{found.word('open_how.resolve').mask:x} {found.size}\n"

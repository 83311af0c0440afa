# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from golden import check_golden
from pumphouse.core.errors import InfraError
from pumphouse.pgo import native

pytestmark = [pytest.mark.unit, pytest.mark.anyio]


def test_the_command_that_compiles_is_as_kept():
    argv = native.make_argv(Path("/s/native/pgo"), Path("/c/1/libcounts.so"))
    check_golden("pgo/argv/make_native.txt", "\n".join(argv) + "\n")


def test_the_sources_are_found_in_the_tree():
    assert {"counts.c", "Makefile"} <= {path.name for path in native.find_sources().iterdir()}


async def test_without_a_compiler_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(native, "find_program", lambda name: None if name == "gcc" else Path("/usr/bin") / name)
    with pytest.raises(InfraError, match="gcc is not on this machine") as caught:
        await native.build_native("mark")
    assert caught.value.text.next_step == "sudo apt-get install gcc libc6-dev"

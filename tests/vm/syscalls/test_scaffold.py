# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A call that the scaffolder made: built, booted, tested by its own selftest; then grown, old and new both ways."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from patched_kernels import compile_static, run_programs, skip_unless_built, specification
from pumphouse.lab.open import open_kernel
from pumphouse.lab.patch import patch_files, read_patch
from pumphouse.lab.tree import open_tree
from pumphouse.syscalls.commands.add import EXAMPLE
from pumphouse.syscalls.commands.features import SERIES
from pumphouse.syscalls.domain.scaffold.add import add_call
from pumphouse.syscalls.domain.scaffold.extend import extend_call
from pumphouse.syscalls.domain.scaffold.mail import write_series
from pumphouse.syscalls.domain.scaffold.spec import parse_extension, parse_spec
from pumphouse.syscalls.domain.tree import read_tree
from pumphouse.syscalls.domain.tree.files import FolderFiles, OverlaidFiles

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no QEMU: make setup"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: make setup"),
]

TEST = "tools/testing/selftests/tune_queue/tune_queue_test.c"
BY, AT = "The Pumphouse authors <pumphouse@example.org>", "Tue, 24 Nov 2026 22:00:00 +0000"


def write(path: Path, messages) -> Path:
    path.write_text("".join(mail for _, mail in write_series(messages, author=BY, date=AT)))
    return path


@pytest.mark.parametrize("version", ["6.1", "6.12"])
async def test_a_scaffolded_call_passes_its_own_test_and_grows_without_breaking_old_programs(version, tmp_path):
    tree = await open_tree(f"deb:linux-source-{version}")
    series = SERIES[version]
    base = OverlaidFiles(FolderFiles(tree.path), await patch_files(tree, [read_patch(series)]))
    made = add_call(parse_spec(EXAMPLE.read_text(), file="s"), read_tree(base), date="2026-11-24")
    more = EXAMPLE.with_name("example-extend.toml").read_text()
    grown = extend_call(parse_extension(more, file="e"), read_tree(made.files))
    first = [series, write(tmp_path / "add.patch", made.messages)]
    second = [*first, write(tmp_path / "extend.patch", grown.messages)]
    option = tmp_path / "tune_queue.config"
    option.write_text("CONFIG_TUNE_QUEUE=y\n")
    skip_unless_built(version, first, [option])
    skip_unless_built(version, second, [option])

    (tmp_path / "t").mkdir()
    shutil.copy(tree.path / "tools/testing/selftests/kselftest.h", tmp_path / "kselftest.h")
    programs = {}
    for name, files in (("old", made.files), ("new", grown.files)):
        (tmp_path / "t" / f"{name}.c").write_bytes(files.read(TEST))
        programs[name] = compile_static(tmp_path, f"t/{name}.c")

    for patches, size in ((first, made.size), (second, grown.size)):
        kernel = await open_kernel(specification(version, patches, [option]))
        told, _ = await run_programs(kernel, programs)
        for name, own in (("old", made.size), ("new", grown.size)):
            assert f"# the kernel knows {size} bytes, this test {own}\n" in told[name], told[name]
            assert re.search(r"# Totals: pass:\d{2,} fail:0 .*skip:0 ", told[name]), told[name]
            assert told[name].endswith("exit 0\n")
        beyond = told["new"].count(" is beyond this kernel")
        assert beyond == (4 if size == made.size else 0)  # refused with E2BIG: modes, burst and their padding
        assert " is beyond this kernel" not in told["old"]

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A call that the scaffolder made: built, booted, tested by its own selftest; then grown, old and new both ways."""

from __future__ import annotations

import re
import shutil
from typing import NamedTuple

import pytest

from patched_kernels import compile_static, run_programs, skip_unless_built, specification
from pumphouse.lab.open import open_kernel
from pumphouse.lab.patch import patch_files, read_patch
from pumphouse.lab.tree import Tree, open_tree
from pumphouse.syscalls.commands.add import EXAMPLE
from pumphouse.syscalls.commands.features import SERIES
from pumphouse.syscalls.domain.lint import lint
from pumphouse.syscalls.domain.patch import apply_patches as apply_in_memory
from pumphouse.syscalls.domain.patch import read_patch as read_diff
from pumphouse.syscalls.domain.scaffold.add import Scaffold, add_call
from pumphouse.syscalls.domain.scaffold.extend import Extension, extend_call
from pumphouse.syscalls.domain.scaffold.mail import write_series
from pumphouse.syscalls.domain.scaffold.spec import parse_extension, parse_spec
from pumphouse.syscalls.domain.tree import read_tree
from pumphouse.syscalls.domain.tree.files import Files, FolderFiles, OverlaidFiles

pytestmark = [pytest.mark.vm, pytest.mark.anyio]

TEST = "tools/testing/selftests/tune_queue/tune_queue_test.c"
BY, AT = "The Pumphouse authors <pumphouse@example.org>", "Tue, 24 Nov 2026 22:00:00 +0000"


class Scaffolded(NamedTuple):
    """A tree with sys_features(), the example's call added to it, and the same call extended."""

    tree: Tree
    base: Files
    made: Scaffold
    grown: Extension


def mails(messages) -> str:
    return "".join(mail for _, mail in write_series(messages, author=BY, date=AT))


async def scaffold(version: str) -> Scaffolded:
    tree = await open_tree(f"deb:linux-source-{version}")
    base = OverlaidFiles(FolderFiles(tree.path), await patch_files(tree, [read_patch(SERIES[version])]))
    made = add_call(parse_spec(EXAMPLE.read_text(), file="s"), read_tree(base), date="2026-11-24")
    more = EXAMPLE.with_name("example-extend.toml").read_text()
    return Scaffolded(tree, base, made, extend_call(parse_extension(more, file="e"), read_tree(made.files)))


@pytest.mark.parametrize("version", ["6.1", "6.12"])
async def test_the_series_of_add_and_of_extend_bring_no_finding(version):
    tree, base, made, grown = await scaffold(version)
    for before, messages in ((base, made.messages), (made.files, grown.messages)):
        patch = apply_in_memory(before, read_diff(mails(messages).encode()))
        report = lint(before, name=version, patch=patch)
        assert report.findings == ()
        # arm64's 64-bit table is a link to scripts/syscall.tbl where that exists, and git refuses to patch a link
        assert not [path for message in messages for path in message.changes if (tree.path / path).is_symlink()]
        assert report.counts.seen_before > 0  # those of the tree, which it had without the patch


@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no QEMU: make setup")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: make setup")
@pytest.mark.parametrize("version", ["6.1", "6.12"])
async def test_a_scaffolded_call_passes_its_own_test_and_grows_without_breaking_old_programs(version, tmp_path):
    tree, _, made, grown = await scaffold(version)
    (tmp_path / "add.patch").write_text(mails(made.messages))
    (tmp_path / "extend.patch").write_text(mails(grown.messages))
    first = [SERIES[version], tmp_path / "add.patch"]
    second = [*first, tmp_path / "extend.patch"]
    option = tmp_path / "tune_queue.config"
    option.write_text("CONFIG_TUNE_QUEUE=y\n")
    # No `syscalls`: the selftest needs the call alone, and a small kernel is built in half the time.
    fragments = ("guest", "sys_features", option)
    skip_unless_built(version, first, fragments)
    skip_unless_built(version, second, fragments)

    (tmp_path / "t").mkdir()
    shutil.copy(tree.path / "tools/testing/selftests/kselftest.h", tmp_path / "kselftest.h")
    programs = {}
    for name, files in (("old", made.files), ("new", grown.files)):
        (tmp_path / "t" / f"{name}.c").write_bytes(files.read(TEST))
        programs[name] = compile_static(tmp_path, f"t/{name}.c")

    for patches, size in ((first, made.size), (second, grown.size)):
        kernel = await open_kernel(specification(version, patches, fragments))
        told, _ = await run_programs(kernel, programs)
        for name, own in (("old", made.size), ("new", grown.size)):
            assert f"# the kernel knows {size} bytes, this test {own}\n" in told[name], told[name]
            assert re.search(r"# Totals: pass:\d{2,} fail:0 .*skip:0 ", told[name]), told[name]
            assert told[name].endswith("exit 0\n")
        beyond = told["new"].count(" is beyond this kernel")
        assert beyond == (4 if size == made.size else 0)  # refused with E2BIG: modes, burst and their padding
        assert " is beyond this kernel" not in told["old"]

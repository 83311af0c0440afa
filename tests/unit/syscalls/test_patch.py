# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Patches: plain, posted, in a series; applied in memory, or refused with file and hunk."""

from __future__ import annotations

import base64
import contextlib
import difflib
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.lint import lint
from pumphouse.syscalls.domain.patch import apply_patches, read_patch
from pumphouse.syscalls.domain.tree.files import MemoryFiles
from syscalls_trees import CODE, NEW, changed

C = "kernel/grow.c"


def diff(before: dict[str, str], after: dict[str, str]) -> str:
    """A unified diff between two trees."""
    out = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, ""), after.get(path, "")
        if old != new:
            names = (f"a/{path}" if path in before else "/dev/null", f"b/{path}" if path in after else "/dev/null")
            out += difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), *names)
    return "".join(out)


def mail(subject: str, body: bytes, encoding: str) -> bytes:
    return (
        f"From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: {subject}\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
    ).encode() + body


BROKEN = changed(C, "\tif (flags & ~GROW_VALID_AT_FLAGS)\n\t\treturn -EINVAL;\n", "")


def test_a_patch_is_told_by_what_it_brings_only():
    patch = apply_patches(MemoryFiles(NEW), read_patch(diff(NEW, BROKEN).encode()))
    report = lint(MemoryFiles(NEW), name="t", patch=patch)
    assert [(finding.rule, finding.file) for finding in report.findings] == [("R2", C)]
    assert not report.is_clean


def test_what_was_wrong_before_a_patch_is_not_told():
    moved = {**BROKEN, C: "/* one */\n/* two */\n" + BROKEN[C]}
    patch = apply_patches(MemoryFiles(BROKEN), read_patch(diff(BROKEN, moved).encode()))
    report = lint(MemoryFiles(BROKEN), name="t", patch=patch)
    assert report.findings == ()
    assert report.counts.seen_before == 1


def test_the_tree_itself_is_never_written(tmp_path):
    from pumphouse.syscalls.domain.tree.files import FolderFiles

    for path, text in NEW.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o444)
    patch = apply_patches(FolderFiles(tmp_path), read_patch(diff(NEW, BROKEN).encode()))
    assert lint(FolderFiles(tmp_path), name="t", patch=patch).counts.error == 1
    assert (tmp_path / C).read_text() == CODE


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_a_posted_series_is_read_in_its_order(encoding):
    middle = changed(C, "return filp_close(fd);", "return filp_close(fd); /* größer */")
    last = {**middle, C: middle[C].replace("größer", "kleiner = x")}
    encode = {"8bit": bytes, "quoted-printable": quopri.encodestring, "base64": base64.encodebytes}[encoding]
    first = mail(
        "[PATCH v2 1/2] one", encode(f"Why.\n---\n a | 2\n\n{diff(NEW, middle)}\n-- \n2.39\n".encode()), encoding
    )
    second = mail("[PATCH v2 2/2]\n two", encode(diff(middle, last).encode()), encoding)
    cover = mail("[PATCH v2 0/2] cover", b"No diff here.\n", "8bit")
    patches = read_patch(second + b"\n" + cover + b"\n" + first)
    applied = apply_patches(MemoryFiles(NEW), patches)
    assert applied.files == {C: last[C].encode()}


def test_new_removed_and_renamed_files_are_understood():
    after = {**NEW, "kernel/new.c": "int x;\n", "kernel/sys_ni.c": ""}
    del after["kernel/sys_ni.c"]
    applied = apply_patches(MemoryFiles(NEW), read_patch(diff(NEW, after).encode()))
    assert applied.files == {"kernel/new.c": b"int x;\n", "kernel/sys_ni.c": None}


def test_a_hunk_is_found_where_lines_have_moved():
    patch = read_patch(diff(NEW, BROKEN).encode())
    moved = {**NEW, C: "\n" * 40 + NEW[C]}
    assert apply_patches(MemoryFiles(moved), patch).files[C] == ("\n" * 40 + BROKEN[C]).encode()


def test_the_touched_lines_are_those_of_the_new_file():
    after = changed(C, "\treturn filp_close(fd);", "\tmight_sleep();\n\treturn filp_close(fd);")
    applied = apply_patches(MemoryFiles(NEW), read_patch(diff(NEW, after).encode()))
    lines = after[C].split("\n")
    assert [lines[number - 1] for number in applied.touched[C]] == ["\tmight_sleep();"]


def test_a_hunk_that_does_not_apply_is_named():
    patch = read_patch(diff(NEW, BROKEN).encode())
    with pytest.raises(UserError) as caught:
        apply_patches(MemoryFiles({**NEW, C: CODE.replace("GROW_VALID_AT_FLAGS", "OTHER")}), patch, where="x.patch")
    assert "kernel/grow.c, hunk 1" in caught.value.text.where
    with pytest.raises(UserError, match="does not have"):
        apply_patches(MemoryFiles({}), patch)


@pytest.mark.parametrize(
    "data", [b"", b"hello\n", b"From a@b Mon\nSubject: x\nFrom: y\n\nno diff\n", b"--- a/x\n+++ b/x\n"]
)
def test_what_holds_no_diff_is_refused(data):
    with pytest.raises(UserError, match="no diff"):
        read_patch(data)


def test_a_cut_hunk_is_refused():
    with pytest.raises(UserError, match="cut or damaged"):
        read_patch(b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n")


PARTS = [
    *("--- a/x\n", "+++ b/x\n", "@@ -1 +1 @@\n", "@@ -1,2 +0,0 @@\n", "-a\n", "+b\n", " c\n", "\n"),
    *("From x\n", "Subject: [1/2]\n", "Content-Transfer-Encoding: base64\n", "=3D=\n", "/dev/null"),
]
PIECES = st.lists(st.sampled_from(PARTS), max_size=20).map("".join)


@given(PIECES.map(str.encode) | st.binary(max_size=120))
def test_no_patch_breaks_the_reader(data):
    with contextlib.suppress(UserError):
        applied = apply_patches(MemoryFiles({"x": "a\nc\n"}), read_patch(data))
        assert applied.files


LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=14)


@given(LINES, LINES)
def test_a_diff_makes_the_new_text_of_the_old_one(old, new):
    before, after = {"x": "".join(f"{line}\n" for line in old)}, {"x": "".join(f"{line}\n" for line in new)}
    if before != after:
        assert apply_patches(MemoryFiles(before), read_patch(diff(before, after).encode())).files == {
            "x": after["x"].encode()
        }

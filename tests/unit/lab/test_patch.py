# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import check_golden
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.build import BuildSpec
from pumphouse.lab.open import parse_build
from pumphouse.lab.patch import apply_patches, parse_patch, patch_argv, patch_in_place, read_patch
from pumphouse.lab.tree import open_tree

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(shutil.which("patch") is None, reason="no patch: sudo apt-get install patch"),
]

FIRST = """\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH 1/2] one

---
 fs/open.c | 2 +-

diff --git a/fs/open.c b/fs/open.c
--- a/fs/open.c
+++ b/fs/open.c
@@ -1,3 +1,3 @@
 int a;
-int b;
+int c;
 int z;
"""
SECOND = """\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH 2/2] two

diff --git a/fs/open.c b/fs/open.c
--- a/fs/open.c
+++ b/fs/open.c
@@ -1,3 +1,3 @@
 int a;
-int c;
+int d;
 int z;
diff --git a/fs/new.c b/fs/new.c
new file mode 100644
--- /dev/null
+++ b/fs/new.c
@@ -0,0 +1 @@
+int fresh;
diff --git a/fs/gone.c b/fs/gone.c
deleted file mode 100644
--- a/fs/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-int gone;
"""


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "linux"
    (path / "fs").mkdir(parents=True)
    (path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n")
    (path / "Kconfig").write_text("config A\n\tbool\n")
    (path / "fs" / "open.c").write_text("int a;\nint b;\nint z;\n")
    (path / "fs" / "gone.c").write_text("int gone;\n")
    (path / "fs" / "other.c").write_text("int other;\n")
    # As a package's tree in the cache: the copy is linked to it.
    return replace(asyncio.run(open_tree(str(path))), identity="deb:0123")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "patched"
    path.mkdir()
    return path


def listing(path):
    return {
        str(file.relative_to(path)): (file.read_text(), file.stat().st_mtime_ns, file.stat().st_ino)
        for file in path.rglob("*")
        if file.is_file()
    }


def apply(tree, folder, *texts):
    patches = [parse_patch(text, name=f"{number}.patch") for number, text in enumerate(texts)]
    return asyncio.run(apply_patches(tree, patches, folder))


def test_a_series_is_applied_step_by_step_and_the_original_stays(tree, folder):
    before = listing(tree.path)
    patched = apply(tree, folder, FIRST + SECOND)
    assert (patched.path / "fs" / "open.c").read_text() == "int a;\nint d;\nint z;\n"
    assert (patched.path / "fs" / "new.c").read_text() == "int fresh;\n"
    assert not (patched.path / "fs" / "gone.c").exists()
    assert listing(tree.path) == before
    assert patched.identity.startswith("deb:0123+")
    assert patched.source.endswith("with 0.patch")


def test_a_changed_patch_touches_only_the_files_whose_contents_it_changes(tree, folder):
    apply(tree, folder, FIRST + SECOND)
    before = listing(folder / "tree")
    changed = apply(tree, folder, FIRST + SECOND.replace("int fresh", "int fresher"))
    after = listing(folder / "tree")
    assert {name for name in after if after[name] != before[name]} == {"fs/new.c"}
    assert changed.identity != apply(tree, folder, FIRST + SECOND).identity


def test_without_what_a_patch_did_the_files_of_the_original_come_back(tree, folder):
    apply(tree, folder, FIRST + SECOND)
    apply(tree, folder, FIRST)
    now = {name: text for name, (text, *_) in listing(folder / "tree").items()}
    was = {name: text for name, (text, *_) in listing(tree.path).items()}
    assert now == was | {"fs/open.c": "int a;\nint c;\nint z;\n"}


def test_a_patch_that_does_not_apply_is_told_with_file_and_version_and_changes_nothing(tree, folder):
    apply(tree, folder, FIRST)
    before = listing(folder / "tree")
    with pytest.raises(UserError, match=r"does not apply to 6\.1\.192") as caught:
        apply(tree, folder, FIRST + SECOND.replace("-int c;", "-int q;"))
    assert "message 2 of 2" in caught.value.text.where
    assert "fs/open.c" in caught.value.text.why
    assert listing(folder / "tree") == before
    assert sorted(path.name for path in folder.iterdir()) == ["patched.json", "tree"]


def test_a_copy_that_was_left_half_changed_is_mended(tree, folder):
    apply(tree, folder, FIRST)
    (folder / "patched.json").write_text('{"identity":"","touched":["fs/open.c","fs/new.c"]}')
    (folder / "tree" / "fs" / "new.c").write_text("half")
    apply(tree, folder, FIRST)
    assert not (folder / "tree" / "fs" / "new.c").exists()
    (folder / "patched.json").write_text("{")
    with pytest.raises(InfraError, match="is damaged"):
        apply(tree, folder, FIRST)


def test_a_folder_of_a_person_shares_no_file_with_the_copy(tree, folder):
    own = replace(tree, identity="files:1")
    patched = apply(own, folder, FIRST)
    assert not {file.stat().st_ino for file in own.path.rglob("*.c")} & {
        file.stat().st_ino for file in patched.path.rglob("*.c")
    }


def test_a_persons_tree_is_patched_as_a_whole_or_not_at_all(tree):
    before = listing(tree.path)
    with pytest.raises(UserError, match="does not apply"):
        asyncio.run(patch_in_place(tree.path, [parse_patch(FIRST + SECOND.replace("-int c;", "-int q;"), name="x")]))
    assert listing(tree.path) == before
    asyncio.run(patch_in_place(tree.path, [parse_patch(FIRST + SECOND, name="x")]))
    assert (tree.path / "fs" / "new.c").read_text() == "int fresh;\n"
    assert not (tree.path / "fs" / "gone.c").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_a_patch_that_leaves_the_tree_is_refused(name):
    with pytest.raises(UserError, match=r"outside the tree|not a path in a tree"):
        parse_patch(f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n", name="evil")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\xfe"])
def test_a_file_that_is_no_patch_says_so(tmp_path, content):
    path = tmp_path / "x.patch"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_patch(path)
    assert "git format-patch" in caught.value.text.next_step


@given(st.text(alphabet=st.sampled_from("+-@ abrenmtofgidcpy/.\n0\t"), max_size=200))
def test_no_text_crashes_the_reader(text):
    with contextlib.suppress(UserError):
        assert parse_patch(text, name="fuzz").paths


def test_the_command_line_of_patch_is_as_kept():
    check_golden("lab/argv/patch.txt", "\n".join(patch_argv(Path("/staging"), Path("/p.patch"))) + os.linesep)


def test_a_build_with_patches_is_named_in_one_word():
    spec = parse_build("deb:linux-source-6.1?patch=/a.patch&patch=b.patch&config=guest&config=syscalls")
    assert spec == BuildSpec(
        source="deb:linux-source-6.1", patches=("/a.patch", "b.patch"), fragments=("guest", "syscalls")
    )
    assert parse_build(str(spec).removeprefix("src:")) == spec


def test_a_link_in_the_tree_stays_one_and_is_not_patched_through(tree, folder):
    (tree.path / "fs" / "link.c").symlink_to("open.c")
    patched = apply(tree, folder, FIRST)
    assert (patched.path / "fs" / "link.c").read_text() == "int a;\nint c;\nint z;\n"
    with pytest.raises(UserError, match="does not apply") as caught:
        apply(tree, folder, FIRST.replace("fs/open.c", "fs/link.c"))
    assert "fs/link.c" in str(caught.value.text.why)
    assert (tree.path / "fs" / "open.c").read_text() == "int a;\nint b;\nint z;\n"


def test_a_link_that_an_earlier_copy_made_a_file_comes_back(tree, folder):
    (tree.path / "fs" / "link.c").symlink_to("open.c")
    apply(tree, folder, FIRST)
    (folder / "tree/fs/link.c").unlink()
    (folder / "tree/fs/link.c").write_text("int a;\n")
    state = json.loads((folder / "patched.json").read_bytes())
    (folder / "patched.json").write_text(json.dumps(state | {"touched": [*state["touched"], "fs/link.c"]}))
    apply(tree, folder, FIRST + SECOND)
    assert (folder / "tree/fs/link.c").readlink() == Path("open.c")

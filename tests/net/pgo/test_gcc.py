# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Beside the real peers: gcc takes what we write, and gcov-tool and gcov-dump of gcc 12 say the same as we do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pgo_profiles import DATA, as_kernel_writes
from pumphouse.pgo.domain.gcda import Gcda, write_gcda
from pumphouse.pgo.domain.match import check_profile, measure_staleness
from pumphouse.pgo.domain.names import name_functions
from pumphouse.pgo.domain.overlap import measure_overlap
from pumphouse.pgo.domain.profile import add_summary, merge, read_notes, read_profile
from pumphouse.pgo.domain.remap import remap

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(
        not shutil.which("gcc") or subprocess.check_output(["gcc", "-dumpversion"]).strip() != b"12",
        reason="gcc is not gcc 12: sudo apt-get install gcc-12",
    ),
]

HEADER = """
static inline __attribute__((noinline)) int clamp_to(int value, int limit)
{
    if (value > limit)
        return limit;
    return value < 0 ? 0 : value;
}
"""
OTHER = """
#include "clamp.h"

static int __attribute__((noinline)) walk(const int *list, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++)
        sum += clamp_to(list[i], 100);
    return sum;
}

int weigh(const int *list, int count)
{
    return count ? walk(list, count) : -1;
}
"""
USE = ("-fprofile-use", "-fprofile-correction", "-Wno-missing-profile", "-Wno-error=coverage-mismatch")


class Tree:
    """A source tree that is compiled as kbuild does it: by its absolute path, into another folder."""

    def __init__(self, source: Path, objects: Path) -> None:
        self.source, self.objects = source, objects
        (source / "lib").mkdir(parents=True)
        (source / "include").mkdir()
        (objects / "lib").mkdir(parents=True)
        calls = (DATA / "calls.c").read_text()
        main = "int weigh(const int *, int);\n" + calls.replace(
            "return argc > 2", "int list[] = {5, 500, -5, 7};\n\ttotal += weigh(list, 4);\n\treturn argc > 2"
        )
        (source / "lib" / "calls.c").write_text(main)
        (source / "lib" / "weigh.c").write_text(OTHER)
        (source / "include" / "clamp.h").write_text(HEADER)

    def compile(self, *options: str) -> dict[str, bytes]:
        """The objects, compiled with these options."""
        for name in ("lib/calls", "lib/weigh"):
            argv = ["gcc", "-O2", f"-I{self.source}/include", *options]
            self.run(*argv, "-c", "-o", f"{name}.o", f"{self.source}/{name}.c")
        return {name: (self.objects / f"{name}.o").read_bytes() for name in ("lib/calls", "lib/weigh")}

    def train(self, *arguments: str) -> dict[str, Gcda]:
        """The counters of one run of the instrumented program."""
        for old in self.objects.rglob("*.gcda"):
            old.unlink()
        self.compile("-fprofile-arcs", "-ftest-coverage")
        self.run("gcc", "--coverage", "lib/calls.o", "lib/weigh.o", "-o", "program")
        subprocess.run([self.objects / "program", *arguments], cwd=self.objects, check=False)
        return read_profile(self.files("gcda"))

    def files(self, suffix: str) -> dict[str, bytes]:
        return {str(path.relative_to(self.objects)): path.read_bytes() for path in self.objects.rglob(f"*.{suffix}")}

    def use(self, profile: dict[str, Gcda] | None) -> tuple[dict[str, bytes], str]:
        """The objects compiled with a profile, and what gcc's dump and its warnings say."""
        for old in [*self.objects.rglob("*.gcda"), *self.objects.rglob("*.profile")]:
            old.unlink()
        for name, gcda in (profile or {}).items():
            (self.objects / f"{name}.gcda").write_bytes(write_gcda(gcda))
        objects = self.compile(*USE, "-fdump-ipa-profile")
        return objects, "".join(path.read_text() for path in sorted(self.objects.rglob("*.profile")))

    def run(self, *argv: str) -> str:
        done = subprocess.run(argv, cwd=self.objects, check=True, capture_output=True, text=True)
        return done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree", tmp_path / "objects")


def kernel_writes(profile: dict[str, Gcda]) -> dict[str, Gcda]:
    return {name: as_kernel_writes(gcda) for name, gcda in profile.items()}


def test_gcc_gives_up_what_a_kernel_writes_and_uses_it_with_our_summary(tree: Tree) -> None:
    trained = kernel_writes(tree.train())
    without_profile, _ = tree.use(None)
    without_summary, said = tree.use(trained)
    assert "giving up" in said
    assert without_summary == without_profile
    with_summary, said = tree.use(add_summary(trained))
    assert "giving up" not in said
    assert all(with_summary[name] != without_profile[name] for name in with_summary)


def test_what_gcc_writes_is_read_and_written_back_and_is_of_its_build(tree: Tree) -> None:
    profile = tree.train("9")
    assert {name: write_gcda(gcda) for name, gcda in profile.items()} == {
        name.removesuffix(".gcda"): data for name, data in tree.files("gcda").items()
    }
    notes = read_notes(tree.files("gcno"))
    check = check_profile(profile, notes)
    assert check.is_of_build
    assert sum(one.functions for one in check.files) == 7
    assert measure_staleness(profile, notes).usable == pytest.approx(1)
    tree.compile("-fprofile-arcs", "-ftest-coverage")
    again = check_profile(profile, read_notes(tree.files("gcno")))
    assert {one.verdict for one in again.files} == {"rebuilt"}


def test_value_profiles_of_gcc_are_read_and_written_back(tree: Tree) -> None:
    tree.compile("-fprofile-generate")
    tree.run("gcc", "--coverage", "lib/calls.o", "lib/weigh.o", "-o", "program")
    subprocess.run([tree.objects / "program"], cwd=tree.objects, check=False)
    files = tree.files("gcda")
    profile = read_profile(files)
    assert {name: write_gcda(gcda) for name, gcda in profile.items()} == {
        name.removesuffix(".gcda"): data for name, data in files.items()
    }
    assert any(len(one.counters) > 1 for gcda in profile.values() for one in gcda.functions)


def test_gcov_dump_shows_what_we_read(tree: Tree) -> None:
    profile = tree.train()
    for name, gcda in profile.items():
        (tree.objects / "ours.gcda").write_bytes(write_gcda(add_summary(kernel_writes(profile))[name]))
        shown = tree.run("gcov-dump", "-l", "ours.gcda")
        functions = [(int(one[0]), int(one[1], 16)) for one in re.findall(r"ident=(\d+),.*cfg_checksum=(\S+)", shown)]
        assert functions == [(one.ident, one.cfg_checksum) for one in gcda.functions]
        counted = [int(one) for line in re.findall(r"\d+: ((?:\d+ )+)", shown) for one in line.split()]
        assert counted == [count for one in gcda.functions for count in one.arcs]
        assert "OBJECT_SUMMARY runs=1, sum_max=16000" in shown


def test_gcov_tool_merges_as_we_do(tree: Tree) -> None:
    one, other = tree.train(), tree.train("7")
    for folder, profile in (("one", one), ("other", other)):
        for name, gcda in profile.items():
            path = tree.objects / folder / f"{name}.gcda"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_gcda(gcda))
    tree.run("gcov-tool", "merge", "-w", "1,3", "-o", "merged", "one", "other")
    theirs = read_profile({f"{name}.gcda": (tree.objects / "merged" / f"{name}.gcda").read_bytes() for name in one})
    ours = merge([one, other], [1, 3])
    assert not ours.left_out
    for name, gcda in theirs.items():
        assert [(f.key, f.arcs) for f in gcda.functions] == [(f.key, f.arcs) for f in ours.profile[name].functions]
        # gcov-tool adds the maxima of both without their weights; the maximum is that of the counters.
        assert gcda.summary.runs == ours.profile[name].summary.runs == 2
        assert ours.profile[name].summary.sum_max == max(one.largest for one in theirs.values())


def test_gcov_tool_finds_the_same_overlap(tree: Tree) -> None:
    one, other = tree.train(), tree.train("7")
    for folder, profile in (("one", one), ("other", other), ("same", one)):
        for name, gcda in profile.items():
            path = tree.objects / folder / f"{name}.gcda"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_gcda(gcda))

    def peer(a: str, b: str) -> float:
        argv = ["gcov-tool", "overlap", "-o", a, b]
        said = subprocess.run(argv, cwd=tree.objects, check=False, capture_output=True, text=True).stdout
        found = re.search(r"SUM: *overlap = *([\d.]+)%", said)
        return float(found[1]) / 100 if found else 0

    if peer("one", "same") != 1:
        pytest.skip("this gcov-tool says 0 % of two equal profiles (gcc 12 does): install one that does not")
    assert measure_overlap(one, other).total == pytest.approx(peer("one", "other"), abs=1e-4)


def test_a_profile_follows_its_tree_to_another_path(tree: Tree, tmp_path: Path) -> None:
    elsewhere = Tree(tmp_path / "far away" / "linux-6.1", tmp_path / "other objects")
    native = elsewhere.train()
    expected, _ = elsewhere.use(add_summary(native))
    notes = read_notes(elsewhere.files("gcno"))
    trained = tree.train()
    names = name_functions(read_notes(tree.files("gcno")), str(tree.source))
    as_it_is = measure_staleness(trained, notes, names)
    assert {one.name for one in as_it_is.functions if one.state == "gone"} == {"hot", "walk", "clamp_to"}
    moved = remap(trained, names, old_path=str(tree.source), new_path=str(elsewhere.source))
    assert (moved.moved, moved.kept, moved.lost) == (3, 4, [])
    stale = measure_staleness(moved.profile, notes, moved.names)
    assert (stale.usable, stale.moved) == (pytest.approx(1), 0)
    dropped, _ = elsewhere.use(add_summary(trained))
    assert dropped != expected
    used, said = elsewhere.use(add_summary(moved.profile))
    assert used == expected
    assert "giving up" not in said


def test_a_changed_function_is_stale_and_the_others_are_not(tree: Tree) -> None:
    trained = tree.train()
    path = tree.source / "lib" / "weigh.c"
    path.write_text(
        "/* moved */\n" + path.read_text().replace("return count ?", "if (count < 0)\n\t\tcount = 3;\n\treturn count ?")
    )
    tree.compile("-fprofile-arcs", "-ftest-coverage")
    stale = measure_staleness(trained, read_notes(tree.files("gcno")))
    states = {one.name: one.state for one in stale.functions}
    assert states["weigh"] == "changed"
    assert states["walk"] == "moved"
    assert states["hot"] == "fits"
    assert 0.99 < stale.usable < 1

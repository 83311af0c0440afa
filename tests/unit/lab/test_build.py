# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import os
import stat
import time
from pathlib import Path

import pytest

from golden import check_golden
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.build import BuildSpec, build_kernel, classify_failure, make_argv
from pumphouse.lab.kconfig import Fragment, check_config, list_fragments, merge_fragments, read_fragment
from pumphouse.lab.kernel import parse_config
from pumphouse.lab.open import parse_build
from pumphouse.lab.toolchain import Toolchain
from pumphouse.lab.tree import open_tree, read_version

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPHOUSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tree(tmp_path):
    """The outside of a kernel tree: enough to be recognised."""
    path = tmp_path / "linux"
    path.mkdir()
    (path / "Makefile").write_text("# SPDX\nVERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\nEXTRAVERSION = -rc1\n")
    (path / "Kconfig").write_text("config A\n\tbool\n\nconfig FOO\n\tbool\n\tdepends on BAR && BAZ\n\nmenu x\n")
    return path


def test_the_command_line_of_make_is_as_kept():
    gcc = Toolchain(name="gcc", version="gcc 12", variables=("CC=ccache gcc",))
    check_golden("lab/argv/make_gcc.txt", "\n".join(make_argv(Path("/t"), Path("/o"), gcc, ["bzImage"], jobs=2)) + "\n")


def test_the_last_fragment_counts_and_its_wish_is_checked():
    fragments = [Fragment("one", "CONFIG_A=y\nCONFIG_B=m\n"), Fragment("two", "# CONFIG_A is not set\n")]
    merged = merge_fragments("CONFIG_Z=y\n", fragments)
    assert merged.index("CONFIG_A=y") < merged.index("# CONFIG_A is not set")
    check_config("CONFIG_B=m\n", fragments)
    with pytest.raises(UserError, match="CONFIG_A=n did not survive: the configuration has y"):
        check_config("CONFIG_A=y\nCONFIG_B=m\n", fragments)


def test_a_symbol_that_did_not_survive_is_told_with_its_fragment_and_what_it_depends_on(tree):
    with pytest.raises(UserError, match="CONFIG_FOO=y did not survive: the configuration has n") as caught:
        check_config("", [Fragment("mine", "CONFIG_FOO=y\n")], tree=tree)
    assert caught.value.text.where == "fragment mine"
    assert caught.value.text.why == "Kconfig: depends on BAR && BAZ"


def test_a_symbol_that_the_tree_does_not_know_is_told_so(tree):
    with pytest.raises(UserError) as caught:
        check_config("", [Fragment("mine", "CONFIG_ZORK=y\n")], tree=tree)
    assert caught.value.text.why == "this tree has no symbol ZORK"


def test_a_fragment_that_is_not_there_lists_those_that_are():
    with pytest.raises(UserError, match="no configuration fragment 'zork'") as caught:
        read_fragment("zork")
    assert "guest" in caught.value.text.next_step


@pytest.mark.parametrize("name", list_fragments())
def test_each_fragment_that_ships_wants_something(name):
    wanted = read_fragment(name).wanted
    assert wanted
    assert set(parse_config(read_fragment(name).text)) <= set(wanted)


def test_a_tree_is_known_by_its_makefile_and_its_contents(tree):
    assert read_version(tree) == "6.1.192-rc1"
    first = asyncio.run(open_tree(str(tree)))
    (tree / "new.c").write_text("int x;\n")
    assert asyncio.run(open_tree(str(tree))).identity != first.identity


def test_a_folder_that_is_no_tree_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a kernel source tree") as caught:
        asyncio.run(open_tree(str(tmp_path)))
    assert "deb:linux-source-6.1" in caught.value.text.next_step


@pytest.mark.parametrize(
    ("code", "output", "kind", "what"),
    [
        (2, "  CC x.o\nfs/open.c:12:5: error: expected ';'\nmake: ***", UserError, "fs/open.c:12: expected ';'"),
        (2, "fs/x.c:1:1: internal compiler error: Segmentation fault", InfraError, "the compiler crashed"),
        (2, "ld: final link failed: No space left on device", InfraError, "the disk is full"),
        (2, "gcc: fatal error: Killed signal terminated program cc1", InfraError, "the build was killed"),
        (-9, "", InfraError, "the build was killed"),
        (2, "*** The source tree is not clean, please run 'make mrproper'", UserError, "the source tree was built in"),
        (2, "make: *** No rule to make target 'zork'.  Stop.", UserError, "make zork failed"),
    ],
)
def test_each_way_to_fail_has_its_class(code, output, kind, what):
    error = classify_failure(code, output, target="zork", log=None)
    assert type(error) is kind
    assert error.text.what.startswith(what)
    assert error.text.where


def fake_make(folder, script):
    folder.mkdir()
    for name in ("make", "gcc", "flex", "bison", "bc", "ld"):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script if name == 'make' else 'echo fake 1.0'}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_compile_error_of_a_real_make_process_names_file_line_and_log(tree, tmp_path, monkeypatch):
    script = """
for word; do case $word in O=*) out=${word#O=} ;; esac; done
case "$*" in
*bzImage*) echo "  CC      kernel/fork.o"; echo "kernel/fork.c:7:1: error: no such thing"; exit 2 ;;
*) grep -h CONFIG_ "$out/.config" 2>/dev/null | sort -u > "$out/.new"; mv "$out/.new" "$out/.config" ;;
esac"""
    fake_make(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    fragment = tmp_path / "mine.config"
    fragment.write_text("CONFIG_X=y\n")
    with pytest.raises(UserError, match=r"kernel/fork\.c:7: no such thing") as caught:
        asyncio.run(build_kernel(BuildSpec(source=str(tree), fragments=(str(fragment),))))
    log = Path(caught.value.text.where)
    assert "CC      kernel/fork.o" in log.read_text()
    assert b'"seconds":null' in (log.parent / "metadata.json").read_bytes()


def list_group(group):
    """The living processes of a process group; zombies that init has not reaped yet are not among them."""
    living = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, member = path.read_text().rpartition(")")[2].split()[:3]
            if int(member) == group and state != "Z":
                living.append(path.parent.name)
    return living


def test_a_cancelled_build_leaves_no_process(tree, tmp_path, monkeypatch):
    fake_make(tmp_path / "bin", f"echo $$ > {tmp_path}/pid; sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    async def cancel():
        build = asyncio.ensure_future(build_kernel(BuildSpec(source=str(tree))))
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.02)
        build.cancel()
        with pytest.raises(asyncio.CancelledError):
            await build

    asyncio.run(cancel())
    for _ in range(200):  # SIGKILL was sent; dying takes a child of the group a moment
        if not (living := list_group(int((tmp_path / "pid").read_text()))):
            break
        time.sleep(0.01)
    assert living == []


def test_a_build_is_named_in_one_word():
    assert parse_build("deb:linux-source-6.1") == BuildSpec(source="deb:linux-source-6.1")
    assert parse_build("/t?base=defconfig&config=guest&config=/my.config&toolchain=clang") == BuildSpec(
        source="/t", base="defconfig", fragments=("guest", "/my.config"), toolchain="clang"
    )
    spec = BuildSpec(source="/t", base="defconfig", fragments=("guest", "/my.config"))
    assert parse_build(str(spec).removeprefix("src:")) == spec
    for wrong in ("/t?zork=1", "", "/t?zork"):
        with pytest.raises(UserError, match="is not understood"):
            parse_build(wrong)

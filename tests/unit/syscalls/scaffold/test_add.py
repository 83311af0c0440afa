# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pumphouse.core.errors import UserError
from pumphouse.lab.patch import parse_patch
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.commands.add import EXAMPLE
from pumphouse.syscalls.domain.scaffold.add import add_call
from pumphouse.syscalls.domain.scaffold.extend import extend_call
from pumphouse.syscalls.domain.scaffold.mail import write_series
from pumphouse.syscalls.domain.scaffold.spec import parse_extension, parse_spec
from pumphouse.syscalls.domain.tree import read_tree

sys.path.insert(0, str(Path(__file__).parent))
from trees import FEATURES, small_tree

pytestmark = pytest.mark.unit

SPEC = EXAMPLE.read_text()
MORE = EXAMPLE.with_name("example-extend.toml").read_text()
TEST = "tools/testing/selftests/tune_queue/tune_queue_test.c"
AUTHOR, DATE = "A Person <a@example.org>", "Tue, 24 Nov 2026 22:00:00 +0000"


def scaffold(layout, spec=SPEC, **changes):
    return add_call(parse_spec(spec, file="s.toml"), read_tree(small_tree(layout, **changes)), date="2026-11-24")


def text(files, path):
    return files.read(path).decode()


@pytest.mark.parametrize(("layout", "count"), [("before", 6), ("after", 7)])
def test_every_table_gets_one_number_and_alpha_its_own(layout, count):
    made = scaffold(layout)
    tree = read_tree(made.files)
    assert made.number == 451
    numbers = dict(tree.numbers["tune_queue"])
    assert numbers.pop("alpha") == 561
    assert set(numbers.values()) == {451}
    assert len(set(made.tables) - {"arch/arm64/include/asm/unistd.h"}) == count
    assert [table.label for table in tree.tables if table.label not in tree.numbers["tune_queue"]] in (
        [],
        ["arm64-64"],  # a link: it is never written to, and follows what it points to
    )


def test_the_row_stands_before_the_numbers_of_x32():
    rows = text(scaffold("before").files, "arch/x86/entry/syscalls/syscall_64.tbl").split("\n")
    assert rows[2] == "451\tcommon\ttune_queue\t\t\tsys_tune_queue"
    assert rows.index("512\tx32\trt_sigaction\tcompat_sys_rt_sigaction") > 2


def test_tables_with_their_own_columns_keep_them():
    files = scaffold("before").files
    assert "451  common\ttune_queue\t\t\tsys_tune_queue\t\tsys_tune_queue\n" in text(
        files, "arch/s390/kernel/syscalls/syscall.tbl"
    )
    assert "451\to32\ttune_queue" in text(files, "arch/mips/kernel/syscalls/syscall_o32.tbl")
    assert "#define __NR_compat_syscalls\t\t452\n" in text(files, "arch/arm64/include/asm/unistd.h")
    assert text(files, "include/uapi/asm-generic/unistd.h").endswith("#define __NR_syscalls 452\n")
    assert "__SYSCALL(__NR_tune_queue, sys_tune_queue)" in text(files, "tools/include/uapi/asm-generic/unistd.h")
    assert "451\tcommon\ttune_queue" in text(files, "tools/perf/arch/x86/entry/syscalls/syscall_64.tbl")


def test_the_checks_stand_in_the_order_of_the_conventions():
    body = read_tree(scaffold("after").files).natives["tune_queue"].body
    order = [
        "flags & ~TUNE_QUEUE_VALID_FLAGS",
        "usize > PAGE_SIZE",
        "-E2BIG",
        "usize < TUNE_QUEUE_ARGS_SIZE_VER0",
        "copy_struct_from_user(&args, sizeof(args), uargs, usize)",
        "tune_queue_check(&args)",
        "do_tune_queue(",
    ]
    places = [body.index(words) for words in order]
    assert places == sorted(places)


def test_padding_has_a_name_and_must_be_zero():
    files = scaffold("before").files
    assert "\t__u32\t\tweight;\n\t__u32\t\t__reserved1;\n};" in text(files, "include/uapi/linux/tune_queue.h")
    assert "if (args->__reserved1)\n\t\treturn -EINVAL;" in text(files, "kernel/tune_queue.c")
    assert '{ "__reserved1", 20, 4, RESERVED' in text(files, TEST)


def test_a_call_that_may_be_configured_out_has_its_option_and_condition():
    files = scaffold("before").files
    assert "COND_SYSCALL(tune_queue);" in text(files, "kernel/sys_ni.c")
    assert "config TUNE_QUEUE\n" in text(files, "init/Kconfig")
    assert "obj-$(CONFIG_RSEQ) += rseq.o\nobj-$(CONFIG_TUNE_QUEUE) += tune_queue.o\n" in text(files, "kernel/Makefile")
    always = scaffold("before", re.sub(r"^config = .*\n", "", SPEC, flags=re.MULTILINE)).files
    assert "tune_queue" not in text(always, "kernel/sys_ni.c") + text(always, "init/Kconfig")
    assert "obj-y += tune_queue.o\n" in text(always, "kernel/Makefile")


def test_the_prototype_matches_the_definition():
    tree = read_tree(scaffold("before").files)
    declared = next(entry for entry in tree.prototypes if entry.symbol == "sys_tune_queue")
    assert [name for _, name in declared.arguments] == [name for _, name in tree.natives["tune_queue"].arguments]
    assert "struct rseq;\nstruct tune_queue_args;\n" in text(scaffold("before").files, "include/linux/syscalls.h")


def test_only_a_tree_with_sys_features_gets_a_declaration():
    assert "SYSCALL_FEATURES" not in text(scaffold("before").files, "kernel/tune_queue.c")
    files = scaffold("before", **FEATURES).files
    assert "SYSF_FIELD(2, struct tune_queue_args, flags,\n\t\t   TUNE_QUEUE_ARGS_VALID_FLAGS)" in text(
        files, "kernel/tune_queue.c"
    )
    assert "COND_SYSCALL_FEATURES(tune_queue);" in text(files, "kernel/sys_ni.c")


def test_what_is_there_already_is_never_overwritten():
    for changes, what in (
        ({"spec": SPEC.replace("tune_queue", "openat2")}, "has a call openat2 already"),
        ({"kernel/tune_queue.c": "int x;\n"}, r"has a kernel/tune_queue\.c already"),
        ({"include/uapi/linux/tune_queue.h": ""}, "has a include/uapi/linux/tune_queue"),
    ):
        with pytest.raises(UserError, match=what) as caught:
            scaffold("before", **changes)
        assert caught.value.text.next_step


@pytest.mark.parametrize(
    "path",
    [
        "init/Kconfig",
        "kernel/sys_ni.c",
        "include/linux/syscalls.h",
        "kernel/Makefile",
        "tools/testing/selftests/Makefile",
    ],
)
def test_a_tree_without_a_file_or_its_place_is_told_which(path):
    for content in (None, "\n"):
        if path == "kernel/Makefile" and content:
            continue  # an empty one takes the rule at its end
        with pytest.raises(UserError) as caught:
            scaffold("before", **{path: content})
        assert path in caught.value.text.where


def apply(folder, files, series):
    for path in ("Makefile",):
        (folder / path).write_text("")
    originals = small_tree("before")
    for patch in series:
        for path in parse_patch(patch, name="x").paths:
            if not (folder / path).exists() and (content := originals.read(path)) is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
    for number, patch in enumerate(series):
        (folder / f"{number}.patch").write_text(patch)
        subprocess.run(["git", "apply", f"{number}.patch"], cwd=folder, check=True)
    for patch in series:
        for path in parse_patch(patch, name="x").paths:
            assert (folder / path).read_bytes() == files.read(path), path


@pytest.mark.skipif(shutil.which("git") is None, reason="no git: make setup")
def test_the_series_applies_and_makes_what_was_thought_of(tmp_path):
    made = scaffold("before")
    grown = extend_call(parse_extension(MORE, file="e.toml"), read_tree(made.files))
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    messages = [*made.messages, *grown.messages]
    apply(tmp_path, grown.files, [mail for _, mail in write_series(messages, author=AUTHOR, date=DATE)])


def test_a_mail_says_who_why_and_how_much():
    name, mail = write_series(scaffold("before").messages, author=AUTHOR, date=DATE)[0]
    assert name == "0001-tune_queue-add-the-system-call.patch"
    assert f"From: {AUTHOR}\nDate: {DATE}\nSubject: [PATCH 1/4] tune_queue: add the system call\n" in mail
    assert f"Signed-off-by: {AUTHOR}\n---\n" in mail
    assert re.search(r"^ 6 files changed, \d+ insertions\(\+\), 0 deletions\(-\)$", mail, re.MULTILINE)
    assert max(len(line) for line in mail.partition("\n\n")[2].partition("\n---\n")[0].splitlines()) <= 76


def test_another_version_leaves_the_first_as_it_was():
    made = scaffold("before", **FEATURES)
    grown = extend_call(parse_extension(MORE, file="e.toml"), read_tree(made.files))
    assert (grown.version, grown.size) == (1, 40)
    header, source = text(grown.files, "include/uapi/linux/tune_queue.h"), text(grown.files, "kernel/tune_queue.c")
    assert re.findall(r"_SIZE_VER(\d)\t(\d+)", header) == [("0", "24"), ("1", "40")]
    chain = re.findall(r"BUILD_BUG_ON\((\w+)\(struct tune_queue_args(?:, (\w+))?\) !=\s+(\w+)\)", source)
    assert chain == [
        ("offsetofend", "__reserved1", "TUNE_QUEUE_ARGS_SIZE_VER0"),
        ("offsetofend", "__reserved3", "TUNE_QUEUE_ARGS_SIZE_VER1"),
        ("sizeof", "", "TUNE_QUEUE_ARGS_SIZE_VER1"),
    ]
    assert "usize < TUNE_QUEUE_ARGS_SIZE_VER0" in source
    assert (
        "SYSF_SIZE(2, TUNE_QUEUE_ARGS_SIZE_VER0),\n\tSYSF_LATEST(2, struct tune_queue_args, TUNE_QUEUE_ARGS_SIZE_VER1)"
        in source
    )
    assert "args->modes & ~TUNE_QUEUE_ARGS_VALID_MODES" in source
    assert "\t24,\n\t40,\n" in text(grown.files, TEST)


def test_a_struct_grows_again_and_again():
    files = scaffold("after").files
    for version, size in ((1, 32), (2, 40), (3, 48)):
        more = parse_extension(f'extends = "tune_queue"\n[[field]]\nname = "more{version}"\ntype = "u16"\n', file="e")
        grown = extend_call(more, read_tree(files))
        assert (grown.version, grown.size) == (version, size)
        files = grown.files
    source = text(files, "kernel/tune_queue.c")
    assert source.count("offsetofend(") == 4
    names = re.findall(r"\b(__reserved\d+);", text(files, "include/uapi/linux/tune_queue.h"))
    assert len(names) == len(set(names)) == 7


def test_what_a_tool_cannot_grow_is_told_with_its_place():
    for extends, what in (("zork", "has no call zork"), ("openat2", r"openat2\(\) cannot be grown by a tool")):
        more = parse_extension(f'extends = "{extends}"\n[[field]]\nname = "x"\ntype = "u64"\n', file="e")
        with pytest.raises(UserError, match=what) as caught:
            extend_call(more, read_tree(small_tree("before")))
        assert caught.value.text.next_step
    again = parse_extension('extends = "tune_queue"\n[[field]]\nname = "weight"\ntype = "u64"\n', file="e")
    with pytest.raises(UserError, match="has a field weight already"):
        extend_call(again, read_tree(scaffold("before").files))


def test_a_selftest_that_somebody_rewrote_is_not_guessed_at():
    tree = small_tree("before")
    made = add_call(parse_spec(SPEC, file="s"), read_tree(tree), date="2026-11-24")
    made.files._changed[TEST] = b"int main(void) { return 0; }\n"
    with pytest.raises(UserError, match="selftest cannot be grown"):
        extend_call(parse_extension(MORE, file="e"), read_tree(made.files))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: make setup")
def test_the_selftests_compile_without_a_warning(tmp_path):
    made = scaffold("before")
    grown = extend_call(parse_extension(MORE, file="e.toml"), read_tree(made.files))
    (tmp_path / "t").mkdir()
    (tmp_path / "kselftest.h").write_text(KSELFTEST)
    for name, files in (("old", made.files), ("new", grown.files)):
        (tmp_path / "t" / f"{name}.c").write_bytes(files.read(TEST))
        command = ["gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", tmp_path / "t" / f"{name}.c"]
        subprocess.run(command, check=True)


KSELFTEST = """\
#include <stdlib.h>
#define KSFT_PASS 0
#define KSFT_FAIL 1
#define ksft_print_header() do { } while (0)
#define ksft_print_cnts() do { } while (0)
#define ksft_set_plan(n) do { (void)(n); } while (0)
#define ksft_test_num() 0
#define ksft_get_fail_cnt() 0
#define ksft_print_msg(...) printf(__VA_ARGS__)
#define ksft_test_result_pass(...) printf(__VA_ARGS__)
#define ksft_test_result_fail(...) printf(__VA_ARGS__)
#define ksft_exit_skip(...) do { printf(__VA_ARGS__); exit(4); } while (0)
#define ksft_exit_fail_msg(...) do { printf(__VA_ARGS__); exit(1); } while (0)
"""


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc: sudo apt-get install mandoc")
def test_the_man_page_has_no_warning(tmp_path):
    (tmp_path / "tune_queue.2").write_text(scaffold("before").manpage)
    result = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", tmp_path / "tune_queue.2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == ""


def test_the_example_is_printed_and_a_missing_argument_told(capsys):
    assert run_command(["syscalls", "add", "--example"]) == 0
    assert capsys.readouterr().out == SPEC
    assert run_command(["syscalls", "add"]) == 2
    assert "--example" in capsys.readouterr().err
    assert run_command(["syscalls", "add", "/no/such.toml", "--tree", "."]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_commands_write_patches_and_leave_the_tree_alone(tmp_path, capsys):
    tree = tmp_path / "linux"
    files = small_tree("before")
    for path, content in files._files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    argv = ["syscalls", "add", str(EXAMPLE), "--tree", str(tree), "--output", str(tmp_path / "out")]
    assert run_command(argv) == 0
    said = capsys.readouterr().out
    assert said.startswith("tune_queue() is number 451 in 7 tables.")
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".2", *[".patch"] * 4]
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    assert run_command([*argv[:5]]) == 0
    assert capsys.readouterr().out.startswith("From 0000")
    assert run_command([*argv, "--json"]) == 0
    assert '"number": 451' in capsys.readouterr().out
    argv[1:3] = ["extend", str(EXAMPLE.with_name("example-extend.toml"))]
    assert run_command(argv) == 2
    assert "has no call tune_queue" in capsys.readouterr().err

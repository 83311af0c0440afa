# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading a tree: tables in all their forms, definitions, prototypes, and what is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.tree import read_tree
from pumphouse.syscalls.domain.tree.ctext import blank, find_functions, split_arguments
from pumphouse.syscalls.domain.tree.definitions import find_definitions, find_prototypes
from pumphouse.syscalls.domain.tree.files import FolderFiles, MemoryFiles, OverlaidFiles
from pumphouse.syscalls.domain.tree.tables import read_tbl, read_unistd
from syscalls_trees import ARM, CODE, LAYOUTS, NEW, OLD, changed, read


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_both_layouts_give_the_same_calls_and_numbers(layout):
    tree = read(layout)
    numbers = tree.numbers["growfd"]
    assert numbers.pop("alpha") == 590
    assert set(numbers.values()) == {480}
    assert {"x86-64", "x86-32", "s390", "arm", "arm64-32", "generic"} == set(numbers)
    assert tree.version == "6.30.1"


def test_a_definition_knows_its_arguments_place_and_body():
    definition = read().natives["growfd"]
    assert [tuple(argument) for argument in definition.arguments] == [
        ("int", "dfd"),
        ("struct grow_args __user *", "uargs"),
        ("size_t", "usize"),
        ("unsigned int", "flags"),
    ]
    assert definition.line == CODE[: CODE.index("SYSCALL_DEFINE4(growfd")].count("\n") + 1
    assert definition.body.startswith("{")
    assert definition.body.endswith("}")
    assert "do_grow(dfd, &args)" in definition.body
    assert "filp_close" not in definition.body


def test_a_comment_defines_no_system_call():
    assert "shrink" not in read().natives


def test_two_words_of_a_64_bit_argument_are_two_arguments():
    text = "SYSCALL32_DEFINE6(mark, int, fd,\n\tSC_ARG64(mask), const char  __user *, name)\n{\n}\n"
    (definition,) = find_definitions(text, "a.c")
    assert definition.kind == "compat"
    assert [argument.name for argument in definition.arguments] == ["fd", "mask_lo", "mask_hi", "name"]
    assert definition.arguments[3].ctype == "const char __user *"


def test_heads_under_conditional_compilation_share_their_body():
    text = (
        "#ifdef CONFIG_BACKWARDS\nSYSCALL_DEFINE2(clone, int, a, int, tls)\n#else\n"
        "SYSCALL_DEFINE2(clone, int, tls, int, a)\n#endif\n{\n\treturn 0;\n}\n"
    )
    tree = read({**NEW, "kernel/clone.c": text})
    assert [argument.name for argument in tree.natives["clone"].arguments] == ["tls", "a"]
    assert "return 0" in tree.natives["clone"].body


def test_the_macro_that_defines_the_macro_is_no_call():
    text = "#define SYSCALL_DEFINE1(name, ...) SYSCALL_DEFINEx(1, _##name, __VA_ARGS__)\n{\n}\n"
    assert not list(find_definitions(text, "a.h"))


def test_a_common_definition_goes_before_an_architectures_own():
    own = {**NEW, "arch/alpha/kernel/osf.c": "SYSCALL_DEFINE1(close, int, other)\n{\n}\n"}
    assert read(own).natives["close"].file == "kernel/grow.c"


def test_a_row_may_have_a_compat_entry_a_dash_and_noreturn():
    rows = read_tbl(
        "1\ti386\texit\tsys_exit\t-\tnoreturn\n76 32 getrlimit - compat_sys_old # old\n9 spu x sys_ni_syscall",
        "t",
    )
    assert [(row.entry, row.compat, row.line) for row in rows] == [
        ("sys_exit", "", 1),
        ("", "compat_sys_old", 2),
        ("sys_ni_syscall", "", 3),
    ]


def test_a_header_of_numbers_gives_the_64_bit_entry_and_the_compat_one():
    text = (
        "#define __NR3264_fcntl 25\n__SC_COMP_3264(__NR3264_fcntl, sys_fcntl64, sys_fcntl, compat_sys_fcntl64)\n"
        "__SYSCALL(7, sys_ni_syscall) /* 7 was waitpid */\n"
    )
    first, second = read_unistd(text, "u.h")
    assert (first.name, first.number, first.entry, first.compat) == ("fcntl", 25, "sys_fcntl", "compat_sys_fcntl64")
    assert (second.number, second.entry) == (7, "sys_ni_syscall")


def test_a_prototype_may_leave_out_names():
    text = "asmlinkage long sys_two(int, const char __user *name,\n\t\t\tstruct rusage __user *);\n"
    (prototype,) = find_prototypes(text, "s.h")
    assert [tuple(argument) for argument in prototype.arguments] == [
        ("int", ""),
        ("const char __user *", "name"),
        ("struct rusage __user *", ""),
    ]


def test_a_function_is_found_with_its_parameters_across_conditionals():
    text = (
        "static long do_it(struct a *x,\n\t\t  int y)\n\t__releases(lock)\n{\n"
        "#ifdef A\n\tif (x) {\n#else\n\t{\n#endif\n\t}\n}\nint b(void)\n{\n}\n"
    )
    first, second = find_functions(text)
    assert (first.name, second.name) == ("do_it", "b")
    assert "int y" in first.parameters


def test_an_overlay_hides_adds_and_removes_files():
    files = OverlaidFiles(MemoryFiles(NEW), {"kernel/new.c": b"x", "kernel/grow.c": None, "Makefile": b"VERSION = 9\n"})
    assert files.read("kernel/grow.c") is None
    assert list(files.walk("kernel", (".c",))) == ["kernel/sys_ni.c", "kernel/new.c"]
    assert files.read("Makefile") == b"VERSION = 9\n"


def test_a_link_shows_what_a_patch_makes_of_its_file(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "arch").mkdir()
    (tmp_path / "scripts/syscall.tbl").write_text("old")
    for name, target in (("a", "../scripts/syscall.tbl"), ("out", "/etc/hostname"), ("loop", "loop.tbl")):
        (tmp_path / "arch" / f"{name}.tbl").symlink_to(target)
    folder = FolderFiles(tmp_path)
    files = OverlaidFiles(OverlaidFiles(folder, {"scripts/syscall.tbl": b"new"}), {"Makefile": b"x"})
    assert (folder.read("arch/a.tbl"), files.read("arch/a.tbl")) == (b"old", b"new")
    assert files.resolve("arch/a.tbl") == "scripts/syscall.tbl"
    assert [files.resolve(f"arch/{name}.tbl") for name in ("out", "loop")] == ["arch/out.tbl", "arch/loop.tbl"]
    assert files.read("arch/loop.tbl") is None
    assert OverlaidFiles(folder, {"scripts/syscall.tbl": None}).read("arch/a.tbl") is None
    assert OverlaidFiles(folder, {"scripts/syscall.tbl": b"new", "arch/a.tbl": b"own"}).read("arch/a.tbl") == b"own"


def test_a_folder_reads_as_its_files_do_in_memory(tmp_path):
    for path, text in OLD.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    here, there = read_tree(tmp_path), read(OLD)
    assert here.definitions == there.definitions
    assert [table.entries for table in here.tables] == [table.entries for table in there.tables]
    assert FolderFiles(tmp_path).read("kernel") is None


@pytest.mark.parametrize("files", [{}, {"Makefile": "VERSION = 6\n"}], ids=["nothing", "no calls"])
def test_what_is_no_kernel_tree_is_refused_with_the_remedy(files):
    with pytest.raises(UserError) as caught:
        read_tree(MemoryFiles(files))
    assert caught.value.text.next_step


def test_a_table_that_is_changed_changes_the_numbers():
    tree = read(changed("arch/arm64/tools/syscall_32.tbl", ARM, ARM.replace("480", "481")))
    assert tree.numbers["growfd"]["arm64-32"] == 481


C_TEXT = st.lists(
    st.sampled_from(
        [
            "SYSCALL_DEFINE2(",
            "a",
            ",",
            "int",
            ")",
            "{",
            "}",
            "\n{",
            "\n}",
            "/*",
            "*/",
            "//",
            '"',
            "'",
            "\\",
            "\n",
            "#if",
            "(",
        ]
    ),
    max_size=60,
).map("".join) | st.text(max_size=80)


@given(C_TEXT)
def test_no_text_breaks_the_scanner_and_positions_stay(text):
    blanked = blank(text)
    assert len(blanked) == len(text)
    assert [index for index, letter in enumerate(text) if letter == "\n"] == [
        index for index, letter in enumerate(blanked) if letter == "\n"
    ]
    for function in find_functions(blanked):
        assert 0 <= function.start < function.body_start < function.body_end <= len(blanked)
    for definition in find_definitions(blanked, "a.c"):
        assert blanked[definition.body_start : definition.body_end] == definition.body
    list(find_prototypes(blanked, "a.h"))
    split_arguments(blanked)


@given(st.text(alphabet="0123456789 \t\n#abc_-x", max_size=120))
def test_no_text_breaks_the_readers_of_tables(text):
    for entry in (*read_tbl(text, "t"), *read_unistd(text, "u")):
        assert entry.number >= 0

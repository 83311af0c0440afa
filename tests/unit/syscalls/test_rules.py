# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Each rule finds what it is for, says where, and leaves alone what obeys it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pumphouse.syscalls.domain.lint import find_all
from pumphouse.syscalls.domain.rules import RULES, Finding
from syscalls_trees import ALPHA, CODE, LAYOUTS, NEW, OLD, UAPI, changed, read


def findings(files: dict[str, str]) -> list[Finding]:
    return find_all(read(files))[1]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_call_that_obeys_every_rule_has_no_finding(layout):
    assert findings(layout) == []


class Not(NamedTuple):
    """A fault: what is replaced by what, and the finding that it brings."""

    rule: str
    file: str
    old: str
    new: str
    says: str
    severity: str = "error"


CHECK = "\tif (flags & ~GROW_VALID_AT_FLAGS)\n\t\treturn -EINVAL;\n"
ABOVE = "\tif (unlikely(usize > PAGE_SIZE))\n\t\treturn -E2BIG;\n"
BELOW = "\tif (unlikely(usize < GROW_ARGS_SIZE_VER0))\n\t\treturn -EINVAL;\n"
COPY = "\terr = copy_struct_from_user(&args, sizeof(args), uargs, usize);\n\tif (err)\n\t\treturn err;\n"
C, H, INTERNAL = "kernel/grow.c", "include/uapi/linux/grow.h", "kernel/grow.h"

NOTS = {
    "flags as a long": Not("R1", C, "unsigned int, flags)", "unsigned long, flags)", "`unsigned long`"),
    "flags as an int": Not("R1", C, "unsigned int, flags)", "int, flags)", "flags is `int`", "warning"),
    "flags that nothing checks": Not("R2", C, CHECK, "", "unknown bits of flags"),
    "flags that are only used": Not("R2", C, CHECK, "\tif (flags & GROW_CLOEXEC)\n\t\terr = 1;\n", "bits of flags"),
    "flags of the struct that nothing checks": Not(
        "R2", C, "\tif (args->flags & ~GROW_VALID_FLAGS)\n\t\treturn -EINVAL;\n", "", "unknown bits of grow_args.flags"
    ),
    "bits that are removed first": Not("R2", C, CHECK, "\tflags &= ~0x4000;\n" + CHECK, "loses 0x4000 before"),
    "something happens first": Not(
        "R2", C, CHECK, "\tif (put_user(0, &uargs->fd))\n\t\treturn -EFAULT;\n" + CHECK, "put_user runs before"
    ),
    "a size that is an int": Not("R3", C, "size_t, usize,", "int, usize,", "`int`, not `size_t`"),
    "a size elsewhere": Not(
        "R3",
        C,
        "struct grow_args __user *, uargs, size_t, usize, unsigned int, flags)",
        "struct grow_args __user *, uargs, unsigned int, flags, size_t, usize)",
        "does not follow the pointer",
        "warning",
    ),
    "no name for the first size": Not(
        "R4",
        H,
        "#define GROW_ARGS_SIZE_VER0 16 /* sizeof the first published struct */\n"
        "#define GROW_ARGS_SIZE_VER1 24 /* extra */\n",
        "",
        "no *_SIZE_VER0",
        "warning",
    ),
    "a field without a version": Not("R4", H, "\t__aligned_u64 extra;", "\t__aligned_u64 extra, more;", "has 32 bytes"),
    "a version that does not grow": Not("R4", H, "SIZE_VER1 24", "SIZE_VER1 16", "not more than GROW_ARGS_SIZE_VER0"),
    "a version that is left out": Not("R4", H, "SIZE_VER1 24", "SIZE_VER2 24", "0, 2: one is missing"),
    "a check that cannot hold": Not(
        "R4", C, "offsetofend(struct grow_args, mode)", "offsetofend(struct grow_args, fd)", "this cannot build"
    ),
    "an old version that nothing checks": Not(
        "R4",
        C,
        "\tBUILD_BUG_ON(offsetofend(struct grow_args, mode) != GROW_ARGS_SIZE_VER0);\n",
        "",
        "ties GROW_ARGS_SIZE_VER0",
        "warning",
    ),
    "no upper bound": Not("R5", C, ABOVE, "", "never refused above PAGE_SIZE"),
    "an upper bound after the copy": Not(
        "R5", C, ABOVE + BELOW + "\n" + COPY, BELOW + COPY + ABOVE, "only after the copy"
    ),
    "another error for large sizes": Not(
        "R5", C, ABOVE, ABOVE.replace("E2BIG", "EINVAL"), "EINVAL, not E2BIG", "warning"
    ),
    "another error for small sizes": Not(
        "R5", C, BELOW, BELOW.replace("EINVAL", "E2BIG"), "E2BIG, not EINVAL", "warning"
    ),
    "a page itself is refused": Not("R5", C, "usize > PAGE_SIZE", "usize >= PAGE_SIZE", "PAGE_SIZE itself", "warning"),
    "no lower bound": Not("R5", C, BELOW, "", "never refused below"),
    "a lower bound that grows": Not("R5", C, BELOW, BELOW.replace("VER0", "VER1"), "below 24 are refused"),
    "an open-coded copy": Not(
        "R6", C, COPY, "\tif (copy_from_user(&args, uargs, usize))\n\t\treturn -EFAULT;\n", "copied by copy_from_user"
    ),
    "a hole": Not("R7", H, "\t__u32 mode;\n", "\t__u16 mode;\n", "holes: 2 bytes at 14"),
    "a hole at the end": Not(
        "R7", H, "\t__aligned_u64 extra;", "\t__aligned_u64 extra;\n\t__u32 last;", "4 bytes of padding"
    ),
    "a pointer": Not("R7", H, "\t__aligned_u64 extra;", "\tvoid *extra;", "holds pointers: extra"),
    "a long": Not("R7", H, "\t__aligned_u64 extra;", "\tunsigned long extra;", "holds longs: extra"),
    "64 bits that i386 aligns to 4": Not(
        "R7", H, "\t__u32 mode;\n\t__aligned_u64 extra;", "\t__u64 extra;\n\t__u32 last;", "i386"
    ),
    "a reserved field that nothing checks": Not(
        "R7", H, "\t__aligned_u64 extra;", "\t__u32 extra;\n\t__u32 __reserved;", "grow_args.__reserved", "warning"
    ),
    "one number that differs": Not(
        "R9", "arch/alpha/kernel/syscalls/syscall.tbl", "590", "480", "where 590 is its own"
    ),
    "a number that is taken": Not(
        "R9", "arch/arm/tools/syscall.tbl", "480\tcommon\tgrowfd", "6\tcommon\tgrowfd", "which close has"
    ),
    "an entry point that nothing defines": Not(
        "R9", "arch/arm/tools/syscall.tbl", "sys_growfd", "sys_shrink", "nothing defines sys_shrink"
    ),
    "no prototype": Not(
        "R9",
        "include/linux/syscalls.h",
        "asmlinkage long sys_growfd",
        "int growfd",
        "no prototype of sys_growfd",
        "warning",
    ),
    "another prototype": Not(
        "R9",
        "include/linux/syscalls.h",
        "size_t usize, unsigned int flags",
        "size_t usize, int flags",
        "prototype's types",
    ),
    "a macro with another number": Not(
        "R9", C, "SYSCALL_DEFINE4(growfd", "SYSCALL_DEFINE3(growfd", "SYSCALL_DEFINE3 with 4"
    ),
    "a revision of nothing": Not("R10", C, "(growfd,", "(shrink4,", "no shrink3", "warning"),
    "an fd for every program": Not(
        "R11", C, "\treturn do_grow(dfd, &args);", '\treturn anon_inode_getfd("[g]", &f, 0, O_RDWR);', "close-on-exec"
    ),
    "a path without a directory": Not(
        "R11",
        C,
        "SYSCALL_DEFINE4(growfd, int, dfd,",
        "SYSCALL_DEFINE4(growfd, const char __user *, path,",
        "no directory fd",
        "warning",
    ),
    "64 bits in an odd register": Not(
        "R11", C, "struct grow_args __user *, uargs,", "u64, uargs,", "64-bit uargs is argument 2"
    ),
    "an fd cannot stand for the path": Not(
        "R11",
        INTERNAL,
        "#define GROW_VALID_AT_FLAGS GROW_CLOEXEC",
        "#define AT_EMPTY_PATH 0x1000\n#define AT_SYMLINK_NOFOLLOW 0x100\n"
        "#define GROW_VALID_AT_FLAGS AT_SYMLINK_NOFOLLOW",
        "but not AT_EMPTY_PATH",
        "warning",
    ),
    "a mask without a name": Not(
        "R12",
        C,
        "args->flags & ~GROW_VALID_FLAGS",
        "args->flags & ~(GROW_SYNC | GROW_QUIET)",
        "(0x3) are an expression",
        "warning",
    ),
}


def breaks(fault: Not) -> list[Finding]:
    files = changed(fault.file, fault.old, fault.new)
    if "AT_EMPTY_PATH" in fault.says:  # these names are of a header that all calls see
        files["include/uapi/linux/fcntl.h"] = files[INTERNAL]
    if fault.rule == "R10":
        files = {path: text.replace("growfd", "shrink4") for path, text in files.items()}
    return findings(files)


@pytest.mark.parametrize("fault", NOTS.values(), ids=NOTS)
def test_a_fault_brings_the_finding_of_its_rule(fault):
    found = [finding for finding in breaks(fault) if finding.rule == fault.rule and fault.says in finding.message]
    assert found, [f"{finding.rule} {finding.message}" for finding in breaks(fault)]
    assert found[0].severity == fault.severity
    assert found[0].line > 0
    assert found[0].remedy
    assert found[0].link == f"/syscalls/rules/{fault.rule}"


def test_every_rule_has_a_not_here_or_a_test_below():
    assert {fault.rule for fault in NOTS.values()} | {"R8"} == {rule.name for rule in RULES}


def test_a_finding_names_the_line_of_the_fault():
    (finding,) = findings(changed(C, CHECK, "\tflags &= ~0x4000;\n" + CHECK))
    line = CODE[: CODE.index(CHECK)].count("\n") + 1
    assert (finding.file, finding.line, finding.syscall) == ("kernel/grow.c", line, "growfd")


def test_what_an_old_call_does_is_legacy():
    files = {path: text.replace("480", "80").replace("590", "80") for path, text in NEW.items()}
    files[C] = files[C].replace(CHECK, "")
    assert [(finding.rule, finding.severity) for finding in findings(files)] == [("R2", "legacy")]


@pytest.mark.parametrize(
    "check",
    [
        "\tif (flags)\n\t\treturn -EINVAL;\n",
        "\tif (flags && flags != GROW_CLOEXEC)\n\t\treturn -EINVAL;\n",
        "\tif ((flags & GROW_CLOEXEC) != flags)\n\t\treturn -EINVAL;\n",
        "\tif ((flags | GROW_CLOEXEC) != GROW_CLOEXEC)\n\t\treturn -EINVAL;\n",
        "\tif ((flags & GROW_CLOEXEC) != (flags & ~0xff0000))\n\t\treturn -EINVAL;\n",
        "\tswitch (flags) {\n\tcase GROW_CLOEXEC:\n\t\tbreak;\n\tdefault:\n\t\treturn -EINVAL;\n\t}\n",
        "\terr = -EINVAL;\n\tif (flags & ~GROW_CLOEXEC)\n\t\tgoto out;\n",
        "\tif (!dfd || flags & ~(u64)GROW_CLOEXEC)\n\t\treturn -EINVAL;\n",
        "\tif (!grow_flags_valid(flags))\n\t\treturn -EINVAL;\n",
        "\terr = security_grow(flags);\n",
    ],
    ids=[
        "none yet",
        "one value",
        "and",
        "or",
        "two masks",
        "switch",
        "goto",
        "among others",
        "helper",
        "cannot be followed",
    ],
)
def test_every_idiom_that_refuses_unknown_flags_is_understood(check):
    helper = "static bool grow_flags_valid(unsigned int f)\n{\n\treturn !(f & ~GROW_CLOEXEC);\n}\n\n/* Grows"
    files = changed(C, CHECK, check)
    files[C] = files[C].replace("/* Grows", helper)
    assert [finding for finding in findings(files) if finding.rule == "R2"] == []


def test_a_size_that_is_read_twice_and_used_is_found():
    embedded = changed(H, "\t__aligned_u64 flags;\n\t__u32 fd;", "\t__u32 size;\n\t__u32 fd;\n\t__aligned_u64 flags;")
    embedded[H] = embedded[H].replace("\t__u32 mode;\n", "").replace("SIZE_VER0 16", "SIZE_VER0 16")
    embedded[C] = (
        embedded[C]
        .replace("size_t, usize, ", "")
        .replace("DEFINE4", "DEFINE3")
        .replace("\tint err;\n\n\tBUILD", "\tint err;\n\tu32 usize;\n\n\tBUILD")
        .replace("offsetofend(struct grow_args, mode)", "offsetofend(struct grow_args, flags)")
        .replace("\tif (args->mode & ~07777)\n\t\treturn -EINVAL;\n", "")
        .replace(ABOVE, "\tif (get_user(usize, &uargs->size))\n\t\treturn -EFAULT;\n" + ABOVE)
    )
    embedded["include/linux/syscalls.h"] = embedded["include/linux/syscalls.h"].replace("size_t usize, ", "")
    assert findings(embedded) == []
    used = "\tif (args.size < GROW_ARGS_SIZE_VER1 && dfd)\n\t\treturn -EINVAL;\n\treturn do_grow"
    double = {**embedded, C: embedded[C].replace("\treturn do_grow", used)}
    (finding,) = findings(double)
    assert (finding.rule, "after the struct was copied" in finding.message) == ("R6", True)
    again = {**double, C: double[C].replace("\terr = grow_check", "\targs.size = usize;\n\terr = grow_check")}
    assert findings(again) == []


MULTIPLEXERS = {
    "a pointer to anything": ("int, fd, unsigned int, cmd, void __user *, arg", True),
    "a long that is cast": ("int, fd, unsigned int, op, unsigned long, arg", True),
    "a choice of one type": ("int, fd, int, which, struct grow_args __user *, value", False),
    "a command without another meaning": ("int, fd, int, cmd", False),
}


@pytest.mark.parametrize(("arguments", "is_multiplexer"), MULTIPLEXERS.values(), ids=MULTIPLEXERS)
def test_multiplexers_are_told_from_selectors(arguments, is_multiplexer):
    count = arguments.count(",") // 2 + 1
    text = f"SYSCALL_DEFINE{count}(steer, {arguments})\n{{\n\treturn 0;\n}}\n"
    files = {**NEW, "kernel/steer.c": text}
    files["scripts/syscall.tbl"] += "481\tcommon\tsteer\t\tsys_steer\n"
    assert any(finding.rule == "R8" for finding in findings(files)) == is_multiplexer


def test_a_call_that_is_configured_out_needs_cond_syscall():
    files = {**NEW, "kernel/Makefile": "obj-y = sys_ni.o\nobj-$(CONFIG_GROW) += grow.o\n"}
    assert findings(files) == []
    (finding,) = findings({**files, "kernel/sys_ni.c": ""})
    assert "CONFIG_GROW" in finding.message
    assert findings({**files, "kernel/sys_ni.c": "", "kernel/Makefile": "obj-y += grow.o\n"}) == []


def test_a_table_that_lacks_a_call_is_found_unless_a_comment_reserves_it():
    late = {**NEW, "arch/arm/tools/syscall.tbl": "6\tcommon\tclose\tsys_close\n481\tcommon\tclose2\tsys_close\n"}
    assert any("missing in the table arm" in finding.message for finding in findings(late))
    late["arch/arm/tools/syscall.tbl"] = "# 480 reserved for growfd\n" + late["arch/arm/tools/syscall.tbl"]
    assert not any("missing" in finding.message for finding in findings(late))


def test_a_new_call_that_only_some_tables_have_is_one_finding():
    files = changed("arch/alpha/kernel/syscalls/syscall.tbl", "590\tcommon\tgrowfd\t\tsys_growfd\n", "")
    files["scripts/syscall.tbl"] = files["scripts/syscall.tbl"].partition("480")[0]
    (finding,) = findings(files)
    assert finding.message == "growfd (480) is missing in 2 tables: alpha, generic"


@pytest.mark.parametrize("compat", ["", "\tcompat_sys_close"], ids=["without", "with"])
def test_a_compat_definition_wants_its_entry_point(compat):
    files = {**NEW, "kernel/compat.c": "COMPAT_SYSCALL_DEFINE1(growfd, int, fd)\n{\n}\n"}
    row = "480\ti386\tgrowfd\t\tsys_growfd"
    files = {**files, "arch/x86/entry/syscalls/syscall_32.tbl": f"{row}{compat.replace('close', 'growfd')}\n"}
    found = [
        finding
        for finding in findings(files)
        if "no compat entry point" in finding.message and "x86" in finding.message
    ]
    assert bool(found) == (compat == "")


def test_the_counts_of_old_headers_must_follow():
    files = changed("include/uapi/asm-generic/unistd.h", "__NR_syscalls 481", "__NR_syscalls 480", base=OLD)
    (finding,) = findings(files)
    assert finding.remedy == "#define __NR_syscalls 481"


def test_a_stale_copy_below_tools_is_one_finding():
    copy = "tools/perf/arch/x86/entry/syscalls/syscall_64.tbl"
    (finding,) = findings({**NEW, copy: "0\tcommon\tclose\tsys_close\n"})
    assert (finding.file, finding.message) == (copy, f"{copy} lacks growfd")
    assert findings({**NEW, copy: NEW["arch/x86/entry/syscalls/syscall_64.tbl"]}) == []


def test_selftests_and_the_kernels_own_guide_are_looked_at():
    files = {**NEW, "tools/testing/selftests/x/x.c": "int main(void) { return syscall(__NR_close); }"}
    assert [finding.rule for finding in findings(files)] == ["R12"]
    files["tools/testing/selftests/x/x.c"] = "syscall(__NR_growfd, 0)"
    assert findings(files) == []
    guide = "Documentation/process/adding-syscalls.rst"
    found = findings({**NEW, guide: "edit\ninclude/uapi/asm-generic/unistd.h\n\n    u32 size; /* userspace sets */\n"})
    assert [(finding.file, finding.line) for finding in found] == [(guide, 2), (guide, 4)]
    assert findings({**NEW, guide: "edit scripts/syscall.tbl, use copy_struct_from_user"}) == []


def test_where_some_calls_are_described_for_sys_features_all_are():
    other = "SYSCALL_FEATURES(close, struct x, 0)\n"
    files = changed(C, "SYSCALL_DEFINE1(close", other + "SYSCALL_DEFINE1(close")
    assert ["no SYSCALL_FEATURES entry" in finding.message for finding in findings(files)] == [True]
    files[C] = files[C].replace(other, other + "SYSCALL_FEATURES(growfd, struct grow_args, GROW_ARGS_SIZE_VER0)\n")
    assert findings(files) == []


def test_the_copier_of_another_layer_is_judged_too():
    text = (
        "#include <linux/uaccess.h>\nstatic int grow_prep(struct io_kiocb *req, const struct io_uring_sqe *sqe)\n{\n"
        "\tstruct grow_args __user *how;\n\tsize_t len;\n\tint ret;\n\n"
        "\thow = u64_to_user_ptr(READ_ONCE(sqe->addr2));\n\tlen = READ_ONCE(sqe->len);\n"
        "\tif (len < GROW_ARGS_SIZE_VER0)\n\t\treturn -EINVAL;\n"
        "\tret = copy_struct_from_user(&req->how, sizeof(req->how), how, len);\n\treturn ret;\n}\n"
    )
    (finding,) = findings({**NEW, "io_uring/grow.c": text})
    assert (finding.rule, finding.syscall, finding.file) == ("R5", "grow_prep()", "io_uring/grow.c")
    assert "len is never refused above PAGE_SIZE" in finding.message


def test_alpha_has_its_own_numbers_and_that_is_right():
    assert "590" in ALPHA
    assert not [finding for finding in findings(NEW) if "alpha" in finding.message]
    assert UAPI  # the struct whose versions all these tests vary

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Small kernel trees of both layouts, in memory: what the scaffolder reads and changes, and no more."""

from pumphouse.syscalls.domain.tree.files import MemoryFiles

UNISTD = """\
#define __NR_openat2 437
__SYSCALL(__NR_openat2, sys_openat2)
#define __NR_set_mempolicy_home_node 450
__SYSCALL(__NR_set_mempolicy_home_node, sys_set_mempolicy_home_node)

#undef __NR_syscalls
#define __NR_syscalls 451
"""
COMMON = "437\tcommon\topenat2\tsys_openat2\n450\tcommon\tset_mempolicy_home_node\tsys_set_mempolicy_home_node\n"
SHARED = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n",
    "kernel/Makefile": "obj-y = fork.o \\\n\tsys.o\nobj-$(CONFIG_RSEQ) += rseq.o\n\n$(obj)/x: y\n",
    "kernel/sys_ni.c": "COND_SYSCALL(futex);\nCOND_SYSCALL(rseq);\n",
    "init/Kconfig": 'config A\n\tbool\n\nconfig RSEQ\n\tbool "x"\n',
    "include/linux/syscalls.h": (
        "struct open_how;\nstruct rseq;\n\n#include <linux/types.h>\n\n"
        "asmlinkage long sys_openat2(int dfd, const char __user *filename,\n"
        "\t\t\t    struct open_how __user *how, size_t usize);\n\n"
        "/*\n * Architecture-specific system calls\n */\n"
    ),
    "include/uapi/linux/openat2.h": (
        "struct open_how {\n\t__u64 flags;\n\t__u64 mode;\n\t__u64 resolve;\n};\n\n#define OPEN_HOW_SIZE_VER0\t24\n"
    ),
    "fs/open.c": (
        "#include <uapi/linux/openat2.h>\n"
        "SYSCALL_DEFINE4(openat2, int, dfd, const char __user *, filename,\n"
        "\t\tstruct open_how __user *, how, size_t, usize)\n{\n\treturn 0;\n}\n"
    ),
    "tools/testing/selftests/Makefile": "TARGETS += arm64\nTARGETS += timers\nTARGETS += zram\n\nall:\n",
    "tools/include/uapi/asm-generic/unistd.h": UNISTD,
    "tools/perf/arch/x86/entry/syscalls/syscall_64.tbl": COMMON,
}
ARCHES = {
    "arch/alpha/kernel/syscalls/syscall.tbl": (
        "547\tcommon\topenat2\tsys_openat2\n560\tcommon\tset_mempolicy_home_node\tsys_ni_syscall\n"
    ),
    "arch/s390/kernel/syscalls/syscall.tbl": (
        "437  common\topenat2\tsys_openat2\tsys_openat2\n"
        "450  common\tset_mempolicy_home_node\tsys_set_mempolicy_home_node\tsys_set_mempolicy_home_node\n"
    ),
    "arch/mips/kernel/syscalls/syscall_o32.tbl": COMMON.replace("common", "o32"),
    "arch/x86/entry/syscalls/syscall_64.tbl": (
        f"{COMMON}\n# x32\n512\tx32\trt_sigaction\tcompat_sys_rt_sigaction\n547\tx32\tpwritev2\tcompat_sys_pwritev2\n"
    ),
}
BEFORE = {
    "include/uapi/asm-generic/unistd.h": UNISTD,
    "arch/arm64/include/asm/unistd.h": "#define __NR_compat_syscalls\t\t451\n",
    "arch/arm64/include/asm/unistd32.h": (
        "#define __NR_openat2 437\n__SYSCALL(__NR_openat2, sys_openat2)\n"
        "#define __NR_set_mempolicy_home_node 450\n"
        "__SYSCALL(__NR_set_mempolicy_home_node, sys_set_mempolicy_home_node)\n\n/* end */\n"
    ),
}
AFTER = {
    "include/uapi/asm-generic/unistd.h": UNISTD,
    "scripts/syscall.tbl": COMMON,
    "arch/arm64/tools/syscall_32.tbl": COMMON,
    "arch/arm64/tools/syscall_64.tbl": COMMON,  # a link to scripts/syscall.tbl
}
FEATURES = {"include/linux/sys_features.h": "#define SYSCALL_FEATURES(name, ...)\n"}


def small_tree(layout, **changes):
    """A tree of a layout: 'before' scripts/syscall.tbl or 'after' it."""
    files = SHARED | ARCHES | (BEFORE if layout == "before" else AFTER) | changes
    return MemoryFiles({path: text for path, text in files.items() if text is not None})

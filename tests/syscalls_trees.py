# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Small kernel trees in memory: one call that obeys every rule, and ways to break it.

`growfd` takes a struct that has grown once. The tree comes in both layouts: the old one (numbers of the generic
architectures in include/uapi/asm-generic/unistd.h, arm64's 32-bit list in unistd32.h), and the one with
scripts/syscall.tbl.
"""

from __future__ import annotations

from pumphouse.syscalls.domain.tree import KernelTree, read_tree
from pumphouse.syscalls.domain.tree.files import MemoryFiles

UAPI = """\
/* what user space sees */
#ifndef _UAPI_LINUX_GROW_H
#define _UAPI_LINUX_GROW_H
#include <linux/types.h>

struct grow_args {
	__aligned_u64 flags;
	__u32 fd;
	__u32 mode;
	__aligned_u64 extra;
};

#define GROW_ARGS_SIZE_VER0 16 /* sizeof the first published struct */
#define GROW_ARGS_SIZE_VER1 24 /* extra */
#define GROW_SYNC  (1 << 0)
#define GROW_QUIET (1 << 1)
#define GROW_CLOEXEC 02000000
#endif
"""
INTERNAL = """\
#define GROW_VALID_FLAGS (GROW_SYNC | GROW_QUIET)
#define GROW_VALID_AT_FLAGS GROW_CLOEXEC
"""
CODE = """\
// what the kernel does
#include <linux/syscalls.h>
#include "grow.h"

static int grow_check(const struct grow_args *args)
{
	if (args->flags & ~GROW_VALID_FLAGS)
		return -EINVAL;
	if (args->mode & ~07777)
		return -EINVAL;
	return 0;
}

/* Grows (never `SYSCALL_DEFINE9(shrink`). */
SYSCALL_DEFINE4(growfd, int, dfd, struct grow_args __user *, uargs, size_t, usize, unsigned int, flags)
{
	struct grow_args args;
	int err;

	BUILD_BUG_ON(offsetofend(struct grow_args, mode) != GROW_ARGS_SIZE_VER0);
	BUILD_BUG_ON(offsetofend(struct grow_args, extra) != GROW_ARGS_SIZE_VER1);
	BUILD_BUG_ON(sizeof(struct grow_args) != GROW_ARGS_SIZE_VER1);

	if (flags & ~GROW_VALID_AT_FLAGS)
		return -EINVAL;
	if (unlikely(usize > PAGE_SIZE))
		return -E2BIG;
	if (unlikely(usize < GROW_ARGS_SIZE_VER0))
		return -EINVAL;

	err = copy_struct_from_user(&args, sizeof(args), uargs, usize);
	if (err)
		return err;
	err = grow_check(&args);
	if (err)
		return err;
	return do_grow(dfd, &args);
}

SYSCALL_DEFINE1(close, unsigned int, fd)
{
	return filp_close(fd);
}
"""
SYSCALLS_H = """\
struct grow_args;
asmlinkage long sys_growfd(int dfd, struct grow_args __user *uargs, size_t usize, unsigned int flags);
asmlinkage long sys_close(unsigned int fd);
"""
SYS_NI = "COND_SYSCALL(growfd);\n"
X86_64 = "# numbers\n0\tcommon\tclose\t\tsys_close\n480\tcommon\tgrowfd\t\tsys_growfd\n"
X86_32 = "# numbers\n6\ti386\tclose\t\tsys_close\n480\ti386\tgrowfd\t\tsys_growfd\n"
ALPHA = "6\tcommon\tclose\t\tsys_close\n590\tcommon\tgrowfd\t\tsys_growfd\n"
S390 = "6    common\tclose\tsys_close\tsys_close\n480  common\tgrowfd\tsys_growfd\tsys_growfd\n"
ARM = "6\tcommon\tclose\t\tsys_close\n480\tcommon\tgrowfd\t\tsys_growfd\n"
GENERIC = "57\tcommon\tclose\t\tsys_close\n480\tcommon\tgrowfd\t\tsys_growfd\n"
UNISTD = """\
#define __NR_close 57
__SYSCALL(__NR_close, sys_close)
#define __NR_growfd 480
__SYSCALL(__NR_growfd, sys_growfd)
#undef __NR_syscalls
#define __NR_syscalls 481
"""
UNISTD32 = UNISTD.replace("57", "6").replace("__NR_syscalls", "__NR_compat_syscalls")

COMMON = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 30\nSUBLEVEL = 1\nEXTRAVERSION =\n",
    "Kconfig": "",
    "include/uapi/linux/grow.h": UAPI,
    "kernel/grow.h": INTERNAL,
    "kernel/grow.c": CODE,
    "include/linux/syscalls.h": SYSCALLS_H,
    "kernel/sys_ni.c": SYS_NI,
    "arch/x86/entry/syscalls/syscall_64.tbl": X86_64,
    "arch/x86/entry/syscalls/syscall_32.tbl": X86_32,
    "arch/alpha/kernel/syscalls/syscall.tbl": ALPHA,
    "arch/s390/kernel/syscalls/syscall.tbl": S390,
    "arch/arm/tools/syscall.tbl": ARM,
}
OLD = {
    **COMMON,
    "include/uapi/asm-generic/unistd.h": UNISTD,
    "arch/arm64/include/asm/unistd32.h": UNISTD32,
}
NEW = {**COMMON, "scripts/syscall.tbl": GENERIC, "arch/arm64/tools/syscall_32.tbl": ARM}
LAYOUTS = {"before scripts/syscall.tbl": OLD, "with scripts/syscall.tbl": NEW}


def changed(file: str, old: str, new: str, *, base: dict[str, str] = NEW) -> dict[str, str]:
    """The tree with a text replaced in one file; the text must be there."""
    assert old in base[file], f"{old!r} is not in {file}"
    return {**base, file: base[file].replace(old, new)}


def read(files: dict[str, str] = NEW) -> KernelTree:
    """A tree from its files."""
    return read_tree(MemoryFiles(files))

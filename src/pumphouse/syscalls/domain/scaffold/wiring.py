# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Small edits of shared files: the prototype, sys_ni.c, Kconfig, Makefile. Each takes a text and gives the new one."""

from __future__ import annotations

import re

from pumphouse.core.errors import UserError

SYSCALLS_H = "include/linux/syscalls.h"
SYS_NI = "kernel/sys_ni.c"
KCONFIG = "init/Kconfig"


def add_prototype(text: str, struct: str, prototype: str) -> str:
    """include/linux/syscalls.h with a call's prototype, and its struct named at the top."""
    names = list(re.finditer(r"^struct \w+;\n", text, re.MULTILINE))
    place = text.find("/*\n * Architecture-specific system calls\n */")
    if not names or place < 0:
        raise _refuse(SYSCALLS_H, "the list of structs, or the comment 'Architecture-specific system calls'")
    block = names[0].end()
    for match in names[1:]:
        if match.start() != block:
            break
        block = match.end()
    named = "" if f"struct {struct};\n" in text else f"struct {struct};\n"
    return text[:block] + named + text[block:place] + prototype + "\n" + text[place:]


def add_condition(text: str, name: str) -> str:
    """kernel/sys_ni.c with a call that may be configured out."""
    lines = list(re.finditer(r"^COND_SYSCALL\(\w+\);\n", text, re.MULTILINE))
    if not lines:
        raise _refuse(SYS_NI, "a line COND_SYSCALL(...)")
    rseq = re.search(r"^COND_SYSCALL\(rseq\);\n", text, re.MULTILINE)
    at = (rseq or lines[-1]).end()
    return text[:at] + f"COND_SYSCALL({name});\n" + text[at:]


def add_condition_features(text: str, name: str) -> str:
    """kernel/sys_ni.c, telling sys_features() that the call may be missing."""
    line = f"COND_SYSCALL({name});\n"
    return text.replace(line, f"{line}COND_SYSCALL_FEATURES({name});\n")


def add_option(text: str, option: str, name: str, summary: str) -> str:
    """init/Kconfig with a call's own option."""
    anchor = re.search(r"^config RSEQ\n", text, re.MULTILINE)
    if anchor is None:
        raise _refuse(KCONFIG, "config RSEQ")
    entry = (
        f"config {option}\n"
        f'\tbool "Enable {name}() system call" if EXPERT\n'
        "\tdefault y\n"
        "\thelp\n"
        f"\t  Enable the {name} system call, by which programs\n"
        f"\t  {summary}.\n\n"
        "\t  If unsure, say Y.\n\n"
    )
    return text[: anchor.start()] + entry + text[anchor.start() :]


def add_object(text: str, path: str, *, config: str) -> str:
    """The Makefile of a folder with one more object: after the last rule of that kind on one line."""
    stem = path.rpartition("/")[2].removesuffix(".c")
    rule = f"obj-$(CONFIG_{config}) += {stem}.o\n" if config else f"obj-y += {stem}.o\n"
    rules = [
        match
        for match in re.finditer(r"^obj-(?:y|\$\(CONFIG_\w+\))\s*\+?= [\w./\- ]+\n", text, re.MULTILINE)
        if not text[: match.start()].endswith("\\\n")
    ]
    at = rules[-1].end() if rules else len(text)
    return text[:at] + rule + text[at:]


def _refuse(path: str, missing: str) -> UserError:
    return UserError(
        f"{path} is not as expected",
        where=path,
        why=f"there is no place to add to: {missing}",
        next_step="add the call by hand there, or name a tree of 5.11 or newer",
    )

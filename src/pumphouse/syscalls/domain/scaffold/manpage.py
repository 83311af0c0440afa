# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The man page of a call, in man(7) as the Linux man-pages write theirs (man-pages(7))."""

from __future__ import annotations

from collections.abc import Sequence

from pumphouse.syscalls.domain.scaffold.code import SPDX, declare
from pumphouse.syscalls.domain.scaffold.spec import CallSpec, Flag
from pumphouse.syscalls.domain.scaffold.struct import Member


def write_manpage(spec: CallSpec, members: Sequence[Member], *, date: str) -> str:
    """<call>.2. `date` is of the form 2026-11-24."""
    arguments = [declare(argument.type.replace(" __user", ""), argument.name) for argument in spec.argument]
    synopsis = ", ".join(
        [f"SYS_{spec.name}", *arguments, f"struct {spec.struct} *args", f"sizeof(struct {spec.struct})"]
    )
    lines = [
        f'.\\" {SPDX} GPL-2.0-only',
        f'.TH {spec.name} 2 {date} "Linux"',
        ".SH NAME",
        f"{spec.name} \\- {_escape(spec.summary)}",
        ".SH LIBRARY",
        "Standard C library",
        ".RI ( libc ,\\~ \\-lc )",
        ".SH SYNOPSIS",
        ".nf",
        f'.BR "#include <linux/{spec.name}.h>" "  /* Definition of struct " {spec.struct} " */"',
        '.BR "#include <sys/syscall.h>" "  /* Definition of " SYS_* " constants */"',
        ".B #include <unistd.h>",
        ".P",
        f'.BI "int syscall({synopsis});"',
        ".fi",
        ".SH DESCRIPTION",
        "The",
        f".BR {spec.name} ()",
        f"system call is there to {_escape(spec.summary)}.",
    ]
    for argument in spec.argument:
        lines += [".P", f".I {argument.name}", _escape(argument.text or "is a value.")]
        if argument.flags is not None:
            lines += _flags(argument.flags)
    lines += [
        ".P",
        "The argument",
        ".I args",
        "points to a structure that can grow in later kernels:",
        ".P",
        ".in +4n",
        ".EX",
        f"struct {spec.struct} {{",
        *(f"    {_type(member)} {member.field.name};" for member in members if not member.reserved),
        "};",
        ".EE",
        ".in",
        ".P",
        "It has to be zero where it is not set, padding included.",
    ]
    for member in members:
        if not member.reserved:
            lines += [".P", f".I {member.field.name}", _escape(member.field.text or "is a value.")]
            if member.field.flags is not None:
                lines += _flags(member.field.flags)
    lines += [
        ".SS Extensibility",
        "The last argument is the size of the structure as the program knows it.",
        "A kernel that knows less takes it as long as what it does not know is zero,",
        "and fails with",
        ".B E2BIG",
        "otherwise.",
        "A kernel that knows more takes what is missing as zero.",
        ".SH RETURN VALUE",
        "On success, 0 is returned.",
        "On error, \\-1 is returned, and",
        ".I errno",
        "is set to indicate the error.",
        ".SH ERRORS",
        ".TP",
        ".B E2BIG",
        "The structure is larger than a page,",
        "or has something that this kernel does not know and that is not zero.",
        ".TP",
        ".B EFAULT",
        ".I args",
        "is not in the address space of the caller.",
        ".TP",
        ".B EINVAL",
        "The structure is smaller than its first version, a flag is not known,",
        "or a reserved field is not zero.",
        ".SH STANDARDS",
        "Linux.",
        ".SH SEE ALSO",
        ".BR syscall (2)",
    ]
    return "\n".join(lines) + "\n"


def _flags(flags: dict[str, Flag]) -> list[str]:
    if not flags:
        return ["No flags are defined: it must be 0."]
    lines = ["It is a mask of zero or more of:"]
    for name, flag in flags.items():
        lines += [".TP", f".B {name}", _escape(flag.text or "See the source.")]
    return lines


def _type(member: Member) -> str:
    return f"__{member.field.type}"


def _escape(text: str) -> str:
    """Text as roff reads it: a hyphen that is a minus, a backslash, and no request at the head of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The C of a call: its uapi header, and the skeleton with the checks in the order of the conventions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from pumphouse.syscalls.domain.scaffold.spec import Argument, CallSpec, Field, Flag
from pumphouse.syscalls.domain.scaffold.struct import Member, write_members

SPDX = "SPDX-License-" + "Identifier:"  # in two parts: of what is written, and not of this file


def size_macro(struct: str, version: int) -> str:
    """OPEN_HOW_SIZE_VER0."""
    return f"{struct.upper()}_SIZE_VER{version}"


def argument_mask(spec: CallSpec, argument: Argument) -> str:
    """The macro of an argument's valid bits."""
    return f"{spec.name.upper()}_VALID_{argument.name.upper()}"


def field_mask(struct: str, field: Field) -> str:
    """The macro of a field's valid bits."""
    return f"{struct.upper()}_VALID_{field.name.upper()}"


def header_path(spec: CallSpec) -> str:
    """The uapi header's place."""
    return f"include/uapi/linux/{spec.name}.h"


def write_flags(flags: Mapping[str, Flag], *, wide: bool) -> list[str]:
    """The lines that define flags: of 64 bits, or of 32 and less."""
    one = "1ULL" if wide else "1U"
    width = max((len(name) for name in flags), default=0)
    tab = (width // 8 + 1) * 8
    lines = []
    for name, flag in flags.items():
        gap = "\t" * ((tab - len(name) + 7) // 8)
        comment = f" /* {flag.text} */" if flag.text and len(flag.text) < 40 else ""
        lines.append(f"#define {name}{gap}({one} << {flag.bit}){comment}")
    return lines


def write_uapi(spec: CallSpec, members: Sequence[Member]) -> str:
    """include/uapi/linux/<call>.h."""
    guard = f"_UAPI_LINUX_{spec.name.upper()}_H"
    lines = [
        f"/* {SPDX} GPL-2.0-only WITH Linux-syscall-note */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <linux/types.h>",
        "",
    ]
    for argument in spec.argument:
        if argument.flags:
            lines += [f"/* The argument {argument.name} of {spec.name}() */"]
            lines += [*write_flags(argument.flags, wide=False), ""]
    for member in members:
        if member.field.flags:
            lines += [f"/* {spec.struct}.{member.field.name} */"]
            lines += [*write_flags(member.field.flags, wide=member.field.size > 4), ""]
    lines += [
        "/**",
        f" * struct {spec.struct} - what {spec.name}() takes, versioned by its size",
        *(line for member in members for line in document_member(member)),
        " */",
        f"struct {spec.struct} {{",
        *write_members(members),
        "};",
        "",
        f"#define {size_macro(spec.struct, 0)}\t{members[-1].end} /* sizeof first published struct */",
        "",
        f"#endif /* {guard} */",
    ]
    return "\n".join(lines) + "\n"


def document_member(member: Member) -> list[str]:
    """A member's lines of kernel-doc."""
    text = "must be zero" if member.reserved else member.field.text or "a value"
    return textwrap.wrap(
        f"@{member.field.name}: {text}", 76, initial_indent=" * ", subsequent_indent=" *   ", break_long_words=False
    )


def write_mask(name: str, flags: Mapping[str, Flag], *, wide: bool) -> list[str]:
    """The lines of a mask's macro."""
    if not flags:
        return [f"#define {name}\t{'0ULL' if wide else '0U'}"]
    body = " | ".join(flags)
    if len(body) + len(name) < 60:
        return [f"#define {name}\t({body})"]
    parts = list(flags)
    rows = [" | ".join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return [f"#define {name} \\", *(f"\t{'(' if at == 0 else ' '}{row}" + (" | \\" if at < len(rows) - 1 else ")")
                                    for at, row in enumerate(rows))]  # fmt: skip


def write_check(members: Sequence[Member], struct: str) -> list[str]:
    """The lines that refuse what is not known."""
    lines = []
    for member in members:
        if member.field.flags is not None:
            lines += [f"\tif (args->{member.field.name} & ~{field_mask(struct, member.field)})", "\t\treturn -EINVAL;"]
        elif member.reserved:
            lines += [f"\tif (args->{member.field.name})", "\t\treturn -EINVAL;"]
    return lines


def parameters(spec: CallSpec) -> list[tuple[str, str]]:
    """Types and names of all arguments."""
    own = [(argument.type, argument.name) for argument in spec.argument]
    return [*own, (f"struct {spec.struct} __user *", "uargs"), ("size_t", "usize")]


def declare(ctype: str, name: str) -> str:
    """A declaration: no space behind a star."""
    return f"{ctype}{name}" if ctype.endswith("*") else f"{ctype} {name}"


def fold(head: str, parts: Sequence[str], tail: str, *, indent: str) -> list[str]:
    """A list of parameters in lines of at most 80 columns."""
    lines, line = [], head
    for number, part in enumerate(parts):
        piece = part + (tail if number == len(parts) - 1 else ",")
        if len(line.expandtabs(8)) + len(piece) > 78 and line != head:
            lines.append(line.rstrip())
            line = indent
        line += piece + ("" if number == len(parts) - 1 else " ")
    return [*lines, line]


def write_source(spec: CallSpec, members: Sequence[Member]) -> str:
    """The C file of a call."""
    upper = size_macro(spec.struct, 0)
    masks: list[str] = []
    for argument in spec.argument:
        if argument.flags is not None:
            masks += write_mask(argument_mask(spec, argument), argument.flags, wide=False)
    for member in members:
        if member.field.flags is not None:
            wide = member.field.size > 4
            masks += write_mask(field_mask(spec.struct, member.field), member.field.flags, wide=wide)
    own = [declare(argument.type, argument.name) for argument in spec.argument]
    work = fold(f"static long do_{spec.name}(", [*own, f"const struct {spec.struct} *args"], ")", indent="\t\t")
    define = fold(
        f"SYSCALL_DEFINE{len(spec.argument) + 2}({spec.name}, ",
        [f"{ctype}, {name}" for ctype, name in parameters(spec)],
        ")",
        indent="\t\t",
    )
    flags_first = [
        line
        for argument in spec.argument
        if argument.flags is not None
        for line in (f"\tif ({argument.name} & ~{argument_mask(spec, argument)})", "\t\treturn -EINVAL;")
    ]
    last = members[-1].field.name
    passed = ", ".join([*(argument.name for argument in spec.argument), "&args"])
    lines = [
        f"// {SPDX} GPL-2.0-only",
        "/*",
        f" * {spec.name}(): {spec.summary}",
        " */",
        "",
        "#include <linux/build_bug.h>",
        "#include <linux/errno.h>",
        "#include <linux/mm.h>",
        "#include <linux/stddef.h>",
        "#include <linux/syscalls.h>",
        "#include <linux/uaccess.h>",
        f"#include <uapi/linux/{spec.name}.h>",
        "",
        *([*masks, ""] if masks else []),
        "/* Refuse what this kernel does not know: it may come to mean something. */",
        f"static int {spec.name}_check(const struct {spec.struct} *args)",
        "{",
        *write_check(members, spec.struct),
        "\treturn 0;",
        "}",
        "",
        "/* All that userspace gave is known here; the work of the call begins. */",
        *work,
        "{",
        "\treturn 0;",
        "}",
        "",
        "/**",
        f" * sys_{spec.name} - {spec.summary}",
        *(
            line
            for argument in spec.argument
            for line in textwrap.wrap(
                f"@{argument.name}: {argument.text or 'a value'}", 76, initial_indent=" * ", subsequent_indent=" *   "
            )
        ),
        " * @uargs: the rest, in a struct that can grow",
        " * @usize: the size of @uargs as the caller knows it",
        " *",
        " * Return: 0; %-EINVAL for an unknown flag, a reserved field that is not zero,",
        " * or a @usize that is too small; %-E2BIG where @uargs has more than is known",
        " * here and that is not zero, or more than a page; %-EFAULT.",
        " */",
        *define,
        "{",
        f"\tstruct {spec.struct} args;",
        "\tint err;",
        "",
        f"\tBUILD_BUG_ON(offsetofend(struct {spec.struct}, {last}) !=",
        f"\t\t     {upper});",
        f"\tBUILD_BUG_ON(sizeof(struct {spec.struct}) != {upper});",
        "",
        *flags_first,
        "\tif (unlikely(usize > PAGE_SIZE))",
        "\t\treturn -E2BIG;",
        f"\tif (unlikely(usize < {upper}))",
        "\t\treturn -EINVAL;",
        "",
        "\terr = copy_struct_from_user(&args, sizeof(args), uargs, usize);",
        "\tif (err)",
        "\t\treturn err;",
        "",
        f"\terr = {spec.name}_check(&args);",
        "\tif (err)",
        "\t\treturn err;",
        "",
        f"\treturn do_{spec.name}({passed});",
        "}",
    ]
    return "\n".join(lines) + "\n"


def write_prototype(spec: CallSpec) -> str:
    """The declaration in include/linux/syscalls.h."""
    parts = [declare(ctype, name) for ctype, name in parameters(spec)]
    return "\n".join(fold(f"asmlinkage long sys_{spec.name}(", parts, ");", indent="\t\t")) + "\n"


def write_features(spec: CallSpec, members: Sequence[Member]) -> str:
    """What the call declares to sys_features()."""
    pointer = len(spec.argument)
    words = [f"\tSYSF_LATEST({pointer}, struct {spec.struct}, {size_macro(spec.struct, 0)})"]
    words += [
        f"\tSYSF_ARG({number}, {argument.type}, {argument_mask(spec, argument)})"
        for number, argument in enumerate(spec.argument)
        if argument.flags is not None
    ]
    words += [feature_of(pointer, spec.struct, member) for member in members if member.field.flags is not None]
    return f"SYSCALL_FEATURES({spec.name},\n" + ",\n".join(words) + ");\n"


def feature_of(pointer: int, struct: str, member: Member) -> str:
    """A field's line in SYSCALL_FEATURES()."""
    return f"\tSYSF_FIELD({pointer}, struct {struct}, {member.field.name},\n\t\t   {field_mask(struct, member.field)})"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Where system calls are defined: SYSCALL_DEFINEn and its variants, their prototypes, and sys_ni.c."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.tree.ctext import Lines, collapse, find_body_end, find_close, split_arguments
from pumphouse.syscalls.domain.tree.records import Argument, Condition, Definition, Prototype

_DEFINE = re.compile(r"^[ \t]*((?:COMPAT_|PPC32_)?SYSCALL(?:32)?_DEFINE[0-6x])[ \t]*\(", re.MULTILINE)
_BEFORE_BODY = re.compile(
    r"(?:\s|^[ \t]*#[^\n]*$)*(?:\{|((?:COMPAT_|PPC32_)?SYSCALL(?:32)?_DEFINE[0-6x])[ \t]*\()", re.MULTILINE
)
_PAIR = re.compile(r"^(?:SC_ARG64|compat_arg_u64_dual|compat_arg_u64|arg_u32p)\s*\(\s*(\w+)\s*\)$")
_PROTOTYPE = re.compile(
    r"^(?:asmlinkage\s+)?(?:unsigned\s+)?(?:long|int|ssize_t)\s+((?:compat_|ppc_)?sys_\w+)\s*\(", re.MULTILINE
)
_CONDITION = re.compile(
    r"^[ \t]*(COND_SYSCALL(?:_COMPAT)?|SYS_NI|COMPAT_SYS_NI)[ \t]*\([ \t]*(\w+)[ \t]*\)", re.MULTILINE
)
_NAME_LAST = re.compile(r"^(.*?[\s*])(\w+)\s*((?:\[[^\]]*\])*)$")
_TYPE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "void char short int long unsigned signed const struct union enum volatile size_t loff_t off_t "
        "pid_t uid_t gid_t __user u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 __u32 __u64 __s32 __s64 qid_t "
        "key_t mqd_t timer_t umode_t",
    )
)


def find_definitions(text: str, file: str) -> Iterator[Definition]:
    """The definitions in blanked text. A macro that defines SYSCALL_DEFINEn itself begins with # and is none."""
    lines: Lines | None = None
    for match in _DEFINE.finditer(text):
        close = find_close(text, match.end() - 1)
        if close < 0:
            continue
        parts = split_arguments(text[match.end() : close])
        if not parts or not re.fullmatch(r"\w+", parts[0]):
            continue
        opening = _find_opening(text, close + 1)
        if opening < 0:
            continue
        lines = lines or Lines(text)
        end = find_body_end(text, opening)
        macro = match.group(1)
        yield Definition(
            name=parts[0],
            kind="compat" if "COMPAT" in macro or "32" in macro else "native",
            macro=macro,
            arguments=pair_arguments(parts[1:]),
            file=file,
            line=lines.at(match.start(1)),
            body_start=opening,
            body_end=end,
            body=text[opening:end],
        )


def _find_opening(text: str, position: int) -> int:
    """The brace that follows a definition's head, over directives and other heads of the same body (clone), or -1."""
    while match := _BEFORE_BODY.match(text, position):
        if match.group(1) is None:
            return match.end() - 1
        close = find_close(text, match.end() - 1)
        if close < 0:
            return -1
        position = close + 1
    return -1


def pair_arguments(parts: list[str]) -> tuple[Argument, ...]:
    """Types and names as SYSCALL_DEFINEn lists them: in turn; a macro for a 64-bit value in two words gives two."""
    words: list[str] = []
    for part in parts:
        pair = _PAIR.match(part)
        if pair:
            words += ["u32", f"{pair.group(1)}_lo", "u32", f"{pair.group(1)}_hi"]
        else:
            words.append(part)
    return tuple(Argument(ctype, name) for ctype, name in zip(words[::2], words[1::2], strict=False))


def find_prototypes(text: str, file: str) -> Iterator[Prototype]:
    """The declarations of entry points in blanked text of a header."""
    lines = Lines(text)
    for match in _PROTOTYPE.finditer(text):
        close = find_close(text, match.end() - 1)
        if close < 0 or not text[close + 1 : close + 200].lstrip().startswith(";"):
            continue
        yield Prototype(match.group(1), declare_arguments(text[match.end() : close]), file, lines.at(match.start(1)))


def declare_arguments(text: str) -> tuple[Argument, ...]:
    """Types and names as a declaration lists them. A name may be missing, and is then the empty string."""
    arguments: list[Argument] = []
    for part in split_arguments(text):
        pair = _PAIR.match(part)
        if pair:
            arguments += [Argument("u32", f"{pair.group(1)}_lo"), Argument("u32", f"{pair.group(1)}_hi")]
        elif part not in ("void", "..."):
            arguments.append(_declare(part))
    return tuple(arguments)


def _declare(part: str) -> Argument:
    match = _NAME_LAST.match(part)
    if match and match.group(2) not in _TYPE_WORDS and not re.fullmatch(r"(struct|union|enum)\s*", match.group(1)):
        return Argument(collapse(match.group(1)) + ("*" if match.group(3) else ""), match.group(2))
    return Argument(part, "")


def find_conditions(text: str, file: str) -> Iterator[Condition]:
    """The calls that sys_ni.c says may be configured out."""
    lines = Lines(text)
    for match in _CONDITION.finditer(text):
        kind = "compat" if "COMPAT" in match.group(1) else "native"
        yield Condition(match.group(2), kind, file, lines.at(match.start(1)))

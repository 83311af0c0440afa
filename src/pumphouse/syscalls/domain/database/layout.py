# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes of uapi structs on 64-bit machines, computed from the header's text.

Follows the System V ABI for the types that uapi headers use: fixed-width integers, C's own integers with 8-byte long,
arrays, nested structs and unions, bit fields, __aligned_u64 and packed. What it does not know has no size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pumphouse.syscalls.domain.database.expression import Lookup, evaluate
from pumphouse.syscalls.domain.database.header import Headers

Size = tuple[int, int]  # bytes, alignment in bytes

_TYPES: Mapping[str, Size] = {
    **{f"__{kind}{bits}": (bits // 8, bits // 8) for kind in ("u", "s", "le", "be") for bits in (8, 16, 32, 64)},
    **{f"{sign}int{bits}_t": (bits // 8, bits // 8) for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "__aligned_u64": (8, 8),
    "__aligned_s64": (8, 8),
    "char": (1, 1),
    "short": (2, 2),
    "int": (4, 4),
    "unsigned": (4, 4),
    "long": (8, 8),
    "long long": (8, 8),
    "__kernel_rwf_t": (4, 4),
    "pid_t": (4, 4),
    "__kernel_pid_t": (4, 4),
}
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|__counted_by(?:_\w+)?\s*\([^)]*\)", re.DOTALL)
_DECLARATOR = re.compile(r"(\*\s*)?([A-Za-z_]\w*)?\s*((?:\[[^\]]*\]\s*)*)(?::\s*(\w+))?", re.DOTALL)
_GROUP = re.compile(r"(struct|union)\b\s*([A-Za-z_]\w*)?\s*\{")
_FLEXIBLE = re.compile(r"__DECLARE_FLEX_ARRAY\s*\([^)]*\)|DECLARE_FLEX_ARRAY\s*\([^)]*\)")
_GROUP_MACRO = re.compile(r"__struct_group\b")


def struct_size(headers: Headers, tag: str, *, kind: str = "struct") -> int | None:
    """The size of `struct TAG` in bytes; None where a header does not define it or it uses an unknown type."""
    header = defining_header(headers, tag, kind=kind)
    if not header:
        return None
    text = headers.texts[header]
    found = _definition(tag, kind).search(text)
    end = _closing(text, found.end() - 1) if found else -1
    if found is None or end < 0:
        return None
    tail = text[end + 1 : text.find(";", end)]
    return _Layout(headers).size(text[found.end() : end], kind, packed="packed" in tail)


def defining_header(headers: Headers, tag: str, *, kind: str = "struct") -> str:
    """The header that defines `struct TAG`; an empty text where none does."""
    return next((name for name, text in headers.texts.items() if _definition(tag, kind).search(text)), "")


def _definition(tag: str, kind: str) -> re.Pattern[str]:
    return re.compile(rf"\b{kind}\s+{re.escape(tag)}\s*\{{")


def _closing(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return -1


class _UnknownError(Exception):
    """A member whose size is not known."""


class _Layout:
    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.depth = 0

    def size(self, body: str, kind: str, *, packed: bool) -> int | None:
        try:
            return self.group(body, kind, packed=packed)[0]
        except (_UnknownError, RecursionError):
            return None

    def group(self, body: str, kind: str, *, packed: bool = False) -> Size:
        bits, alignment, largest = 0, 1, 0
        for (size, align), width in self.members(body):
            step = 1 if packed else align
            alignment = max(alignment, step)
            if kind == "union":
                largest = max(largest, size)
            elif width is None:
                bits = -(-bits // (8 * step)) * 8 * step + 8 * size
            elif width == 0 or bits // (8 * size) != (bits + width - 1) // (8 * size):
                bits = -(-bits // (8 * size)) * 8 * size + width
            else:
                bits += width
        used = largest if kind == "union" else -(-bits // 8)
        return -(-used // alignment) * alignment, alignment

    def members(self, body: str) -> list[tuple[Size, int | None]]:
        """Size, alignment, and width in bits of each member."""
        if _GROUP_MACRO.search(body):
            raise _UnknownError
        body = _FLEXIBLE.sub("__u8 flexible[0]", re.sub(r"^[ \t]*#[^\n]*$", "", body, flags=re.MULTILINE))
        found: list[tuple[Size, int | None]] = []
        at = len(body) - len(body.lstrip())
        while at < len(body):
            group = _GROUP.match(body, at)
            if group:
                end = _closing(body, group.end() - 1)
                if end < 0:
                    raise _UnknownError
                after = body.find(";", end)
                after = len(body) if after < 0 else after
                tail = body[end + 1 : after]
                size = self.group(body[group.end() : end], group[1], packed="packed" in tail)
                found += self.declared(size, _with_alignment(tail))
            else:
                after = body.find(";", at)
                after = len(body) if after < 0 else after
                found += self.plain(body[at:after])
            at = after + 1
            while at < len(body) and body[at].isspace():
                at += 1
        return found

    def plain(self, text: str) -> list[tuple[Size, int | None]]:
        words = _with_alignment(text).strip()
        if not words:
            return []
        named = re.match(r"(?:const\s+)?(struct|union|enum)\s+(\w+)", words)
        if named:
            return self.declared(self.named(named[1], named[2]), words[named.end() :])
        found = re.match(r"(?:(?:const|volatile|signed|unsigned|long|short|int|char)\b\s*)+|\w+", words)
        if not found:
            raise _UnknownError
        name = " ".join(word for word in found[0].split() if word not in {"const", "volatile", "signed"})
        base = name.replace("unsigned ", "").replace("long int", "long").replace("short int", "short")
        rest = words[found.end() :]
        pointed = rest.lstrip().startswith("*")
        if base not in _TYPES and not pointed:
            raise _UnknownError
        return self.declared(_TYPES.get(base, (0, 1)), rest)

    def named(self, kind: str, tag: str) -> Size:
        if kind == "enum":
            return 4, 4
        self.depth += 1
        if self.depth > 20:
            raise _UnknownError
        for text in self.headers.texts.values():
            found = _definition(tag, kind).search(text)
            if found:
                end = _closing(text, found.end() - 1)
                if end < 0:
                    break
                return self.group(text[found.end() : end], kind)
        raise _UnknownError

    def declared(self, size: Size, declarators: str) -> list[tuple[Size, int | None]]:
        if not declarators.strip():
            return [(size, None)]
        found: list[tuple[Size, int | None]] = []
        for declarator in declarators.split(","):
            parts = _DECLARATOR.fullmatch(declarator.strip())
            if not parts:
                raise _UnknownError
            pointer, _, arrays, width = parts.groups()
            each, align = (8, 8) if pointer else size
            for length in re.findall(r"\[([^\]]*)\]", arrays or ""):
                each *= self.constant(length) if length.strip() else 0
            found.append(((each, align), None if width is None else self.constant(width)))
        return found

    def constant(self, text: str) -> int:
        lookup: Lookup = lambda name, _depth: (  # noqa: E731  a type is wanted
            self.headers.constants[name].value if name in self.headers.constants else None
        )
        value = evaluate(text, lookup)
        if value is None or value > 1 << 20:
            raise _UnknownError
        return value


def _with_alignment(text: str) -> str:
    """The text without attributes; `__u64 x __attribute__((aligned(8)))` is what 64-bit machines do anyway."""
    return _ATTRIBUTE.sub(" ", text)

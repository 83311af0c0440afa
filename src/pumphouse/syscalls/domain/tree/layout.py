# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Layouts of C structs without a compiler, for 64-bit machines and for i386 (the 32-bit one that aligns u64 to 4)."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from pumphouse.syscalls.domain.tree.ctext import blank_directives, collapse, find_close

_WORD_SIZES = {
    "char": 1, "__u8": 1, "__s8": 1, "u8": 1, "s8": 1, "uint8_t": 1, "int8_t": 1, "bool": 1, "_Bool": 1,
    "short": 2, "__u16": 2, "__s16": 2, "u16": 2, "s16": 2, "__le16": 2, "__be16": 2, "umode_t": 2, "uint16_t": 2,
    "int16_t": 2, "int32_t": 4,
    "int": 4, "__u32": 4, "__s32": 4, "u32": 4, "s32": 4, "__le32": 4, "__be32": 4, "pid_t": 4, "uid_t": 4, "gid_t": 4,
    "__kernel_pid_t": 4, "uint32_t": 4, "unsigned": 4, "__poll_t": 4, "__kernel_rwf_t": 4, "key_serial_t": 4,
    "long long": 8, "__u64": 8, "__s64": 8, "u64": 8, "s64": 8, "__le64": 8, "__be64": 8, "uint64_t": 8, "int64_t": 8,
    "loff_t": 8, "__kernel_loff_t": 8, "__kernel_time64_t": 8, "long": -1, "size_t": -1, "__kernel_size_t": -1,
    "__kernel_ulong_t": -1, "__kernel_long_t": -1, "ssize_t": -1, "__kernel_old_time_t": -1, "uintptr_t": -1,
}  # fmt: skip
_ALWAYS_8 = frozenset({"__aligned_u64", "__aligned_s64", "aligned_u64", "__aligned_be64", "__aligned_le64"})
_QUALIFIERS = re.compile(
    r"\b(const|volatile|__user|__force|signed|__bitwise|__private|__counted_by(?:_\w+)?\s*\([^)]*\))\s*"
)
_ALIGNED = re.compile(r"\b(?:__)?aligned(?:__)?\s*\(((?:[^()]|\([^()]*\))*)\)")
_PACKED = re.compile(r"\b(?:__)?packed(?:__)?\b")
_ATTRIBUTE = re.compile(
    r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|\b__aligned\s*\([^)]*\)|\b__packed\b|____cacheline\w*|__randomize_layout"
)
_DECLARATOR = re.compile(r"^(\**)\s*(\w*)\s*((?:\[[^\]]*\]\s*)*)(?::\s*(.+))?$")
_FLEXIBLE = re.compile(r"^(?:__)?DECLARE_FLEX_ARRAY\s*\((.*),\s*(\w+)\s*\)$")
_NESTED = re.compile(r"^(struct|union)\s*(\w*)\s*\{")


class Field(msgspec.Struct, frozen=True):
    """A field with its place in bytes on both kinds of machine. Bit fields share an offset and have `bits`."""

    name: str  # empty in padding without a name; anonymous members are flattened
    ctype: str
    offset: int
    size: int
    offset32: int
    size32: int
    bits: int = 0
    is_pointer: bool = False


class Layout(msgspec.Struct, frozen=True):
    """A struct's or union's layout, in bytes. `holes` (offset, size) and `tail`, the padding at the end, on 64 bit."""

    tag: str
    kind: str  # struct or union
    fields: tuple[Field, ...]
    size: int
    size32: int
    align: int
    align32: int
    holes: tuple[tuple[int, int], ...]
    tail: int
    is_flexible: bool = False

    def field(self, name: str) -> Field | None:
        """The field of this name; of nested ones `a.b` too."""
        return next((field for field in self.fields if field.name == name), None)


class _Member(msgspec.Struct, frozen=True):
    """Something that takes room: sizes and alignments for (64, 32)."""

    size: tuple[int, int]
    align: tuple[int, int]
    nested: Layout | None = None
    is_pointer: bool = False


Find = Callable[[str, str], "Layout | None"]  # (struct or union, tag)
Evaluate = Callable[[str], "int | None"]


def keep_first_branches(text: str) -> str:
    """Blanked text with the #else and #elif branches of conditionals blanked: what most configurations see."""
    out: list[str] = []
    stack: list[bool] = []
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith("#"):
            directive = words[1:].strip()
            if directive.startswith("if"):
                stack.append(
                    not re.match(r"if\s+0\b|ifndef\s+(?:__KERNEL__|CONFIG_)|if\s+!\s*(?:defined|IS_ENABLED)", directive)
                )
            elif directive.startswith(("else", "elif")) and stack:
                stack[-1] = not stack[-1] and not directive.startswith("elif")
            elif directive.startswith("endif") and stack:
                stack.pop()
            out.append(" " * len(line))
        else:
            out.append(line if all(stack) else " " * len(line))
    return "\n".join(out)


class _Room:
    """The room of a struct or union on one kind of machine, as its members fill it. Places are in bits."""

    def __init__(self, *, overlaps: bool) -> None:
        self._overlaps = overlaps
        self._end = 0
        self._unit = (0, 0)  # begin and end of what the last bit field's type covers
        self.used = 0  # bytes
        self.align = 1  # bytes
        self.holes: list[tuple[int, int]] = []

    def place(self, member: tuple[int, int], bits: int | None, *, packed: bool, named: bool) -> int:
        """Give room to a member of this size and alignment; returns its offset, of a bit field that of its type."""
        size, align = member
        if self._overlaps:
            self._end = 0
        if named or bits is None:
            self.align = max(self.align, align)
        if bits is None:
            self._move(_round(self._end, 8 * align))
            self._unit = (0, 0)
            start = self._end
            self._end += 8 * size
        else:
            start = self._place_bits(8 * size, 8 * align, bits, packed=packed)
        self.used = max(self.used, (self._end + 7) // 8)
        return start // 8

    def _place_bits(self, size: int, align: int, bits: int, *, packed: bool) -> int:
        """A bit field covers no more units of its type's alignment than its type would (System V ABI)."""
        if bits == 0 or (not packed and _round(self._end % align + bits, align) > size):
            self._move(_round(self._end, align))
        begin, end = self._unit
        if end - begin != size or self._end + bits > end:
            start = self._end // align * align
            self._unit = (start, start + size)
        self._end += bits
        return self._unit[0]

    def _move(self, start: int) -> None:
        hole = (self._end + 7) // 8
        if start // 8 > hole:
            self.holes.append((hole, start // 8 - hole))
        self._end = start


def lay_out(kind: str, tag: str, body: str, *, find: Find, evaluate: Evaluate, attributes: str = "") -> Layout | None:
    """The layout of a body (what stands between the braces, blanked), None where a type in it is not known.

    `find` gives the layouts of other structs, `evaluate` the values of array lengths, `attributes` is what follows the
    closing brace.
    """
    packed = bool(_PACKED.search(attributes))
    outer = _alignment(attributes, evaluate)
    if outer is None:
        return None
    rooms = _Room(overlaps=kind == "union"), _Room(overlaps=kind == "union")
    fields: list[Field] = []
    holes: list[tuple[int, int]] = []
    flexible = False
    for declaration in _declarations(blank_directives(keep_first_branches(body))):
        parsed = _declare(declaration, find, evaluate)
        wanted = _alignment(declaration, evaluate)
        if parsed is None or wanted is None:
            return None
        for name, ctype, member, bits in parsed:
            aligns = (max(1 if packed and bits != 0 else align, wanted) for align in member.align)
            start, start32 = (
                room.place(needed, bits, packed=packed, named=bool(name) or bits is None)
                for room, needed in zip(rooms, zip(member.size, aligns, strict=True), strict=True)
            )
            flexible = flexible or (member.size[0] == 0 and "[]" in ctype)
            fields += _flatten(name, ctype, member, (start, start32), bits or 0) if bits != 0 else []
            if member.nested is not None:
                holes += [(start + hole, size) for hole, size in member.nested.holes]
                if member.nested.tail and kind == "struct":
                    holes.append((start + member.nested.size - member.nested.tail, member.nested.tail))
    align, align32 = (max(room.align, outer) for room in rooms)
    size, size32 = _round(rooms[0].used, align), _round(rooms[1].used, align32)
    holes += rooms[0].holes
    return Layout(tag, kind, tuple(fields), size, size32, align, align32, tuple(holes), size - rooms[0].used, flexible)


def _alignment(text: str, evaluate: Evaluate) -> int | None:
    """The alignment that an attribute asks for, in bytes; 1 where none does, None where it cannot be worked out."""
    found = _ALIGNED.search(text)
    wanted = evaluate(found[1]) if found else 1
    return wanted if wanted is not None and wanted > 0 else None


def _round(value: int, align: int) -> int:
    return (value + align - 1) // align * align


def _declarations(body: str) -> list[str]:
    out = []
    start = depth = 0
    for position, character in enumerate(body):
        if character in "{(":
            depth += 1
        elif character in "})":
            depth -= 1
        elif character == ";" and depth == 0:
            out.append(collapse(body[start:position]))
            start = position + 1
    return [text for text in out if text]


def _flatten(name: str, ctype: str, member: _Member, start: tuple[int, int], bits: int) -> list[Field]:
    own = Field(name, ctype, start[0], member.size[0], start[1], member.size[1], bits, member.is_pointer)
    if member.nested is None:
        return [own]
    prefix = f"{name}." if name else ""
    inner = [
        Field(
            prefix + field.name,
            field.ctype,
            start[0] + field.offset,
            field.size,
            start[1] + field.offset32,
            field.size32,
            field.bits,
            field.is_pointer,
        )
        for field in member.nested.fields
    ]
    return [own, *inner] if name else inner


def _declare(text: str, find: Find, evaluate: Evaluate) -> list[tuple[str, str, _Member, int | None]] | None:
    flexible = _FLEXIBLE.match(text)
    if flexible:
        base = _type(collapse(flexible.group(1)), find)
        return (
            None if base is None else [(flexible.group(2), f"{flexible.group(1)}[]", _Member((0, 0), base.align), None)]
        )
    nested = _NESTED.match(text)
    if nested:
        close = find_close(text, nested.end() - 1)
        inner = lay_out(
            nested.group(1), nested.group(2), text[nested.end() : close], find=find, evaluate=evaluate,
            attributes=text[close + 1 :],
        ) if close > 0 else None  # fmt: skip
        if inner is None:
            return None
        member = _Member((inner.size, inner.size32), (inner.align, inner.align32), inner)
        rest = collapse(_ATTRIBUTE.sub("", text[close + 1 :])) or ""
        ctype = f"{nested.group(1)} {nested.group(2)}".strip()
        return _declarators(ctype, member, rest, evaluate)
    text = collapse(_QUALIFIERS.sub("", _ATTRIBUTE.sub("", text)))
    split = re.match(r"^((?:struct|union|enum)\s+\w+|(?:(?:unsigned|long|short|int|char)\b\s*)+|\w+)\s*(.*)$", text)
    if not split:
        return None
    ctype = collapse(split.group(1))
    base = _type(ctype, find)
    if base is None and split.group(2).startswith("*"):
        base = _Member((1, 1), (1, 1))
    return None if base is None else _declarators(ctype, base, split.group(2), evaluate)


def _declarators(
    ctype: str, base: _Member, text: str, evaluate: Evaluate
) -> list[tuple[str, str, _Member, int | None]] | None:
    out: list[tuple[str, str, _Member, int | None]] = []
    for part in text.split(",") if text else [""]:
        match = _DECLARATOR.match(part.strip())
        if not match:
            return None
        stars, name, lengths, bits = match.groups()
        member = _Member((8, 4), (8, 4), is_pointer=True) if stars else base
        suffix = "*" if stars else ""
        for length in re.findall(r"\[([^\]]*)\]", lengths):
            count = evaluate(length) if length.strip() else 0
            if count is None or count < 0:
                return None
            suffix += f"[{count}]" if length.strip() else "[]"
            member = _Member(
                (member.size[0] * count, member.size[1] * count), member.align, is_pointer=member.is_pointer
            )
        width = evaluate(bits) if bits else None
        if bits and (width is None or not 0 <= width <= 8 * base.size[1]):
            return None
        out.append((name, ctype + suffix, member, width))
    return out


def _type(ctype: str, find: Find) -> _Member | None:
    kind, space, tag = ctype.partition(" ")
    if space and kind in ("struct", "union"):
        layout = find(kind, tag)
        return None if layout is None else _Member((layout.size, layout.size32), (layout.align, layout.align32), layout)
    if kind == "enum":
        return _Member((4, 4), (4, 4))
    if ctype in _ALWAYS_8:
        return _Member((8, 8), (8, 8))
    words = ctype.split()
    if words.count("long") == 2:
        size = 8
    else:
        known = [word for word in words if word != "unsigned"] or ["unsigned"]
        known = [word for word in known if word != "int"] or ["int"]
        if len(known) != 1 or known[0] not in _WORD_SIZES:
            return None
        size = _WORD_SIZES[known[0]]
    if size < 0:
        return _Member((8, 4), (8, 4))
    return _Member((size, size), (size, min(size, 4)))

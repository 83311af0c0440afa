# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading and writing the TOML files of the database. Writing what was read gives the same bytes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.database.backport import Backport, Difference
from pumphouse.syscalls.domain.database.call import Appearance, Call, Flag, Size, Word
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.update import ReadTag

HEAD = "# SPDX-FileCopyrightText: The Pumphouse authors\n# SPDX-License-Identifier: Apache-2.0\n"

Shape = TypeVar("Shape")


def read_toml(text: str, shape: type[Shape], *, where: str) -> Shape:
    """The content of a file in its shape. Raises UserError that names the file and what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(text), shape)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise UserError(
            "a file of the database cannot be read",
            where=where,
            why=str(error),
            next_step="correct it, or take the file that ships with Pumphouse",
        ) from error


def read_call(text: str, *, where: str) -> Call:
    """The call in a file of data/calls. Raises UserError, also for a version that is none."""
    call = read_toml(text, Call, where=where)
    appearances: list[Appearance] = [flag for word in call.word for flag in word.flags.values()]
    appearances += call.struct.sizes if call.struct else []
    for version in [call.since, *(getattr(item, name) for item in appearances for name in ("since", "seen", "absent"))]:
        if version:
            read_tag(version)
    return call


def write_call(call: Call) -> str:
    """The file of a call: flags in the order of their values, one a line."""
    lines = [HEAD]
    lines += [f"{name} = {_value(getattr(call, name))}" for name in ("name", "since", "evidence", "headers")]
    if call.note:
        lines.append(f"note = {_value(call.note)}")
    if call.struct:
        lines += ["", "[struct]", *_plain(call.struct, ("tag", "via", "kind", "macros", "note"))]
        if call.struct.sizes:
            lines += ["sizes = [", *(f"  {_inline(size)}," for size in call.struct.sizes), "]"]
    for word in call.word:
        lines += ["", "[[word]]", *_plain(word, ("id", "kind", "since", "constants", "but", "note"))]
        lines += _flags(word)
    return "\n".join(lines) + "\n"


def write_releases(dates: Mapping[str, str]) -> str:
    """The file of releases and their dates."""
    comment = "# When Linus Torvalds tagged each release.\n"
    ordered = sorted(dates.items(), key=lambda item: read_tag(item[0]))
    return HEAD + comment + "\n[dates]\n" + "".join(f"{_value(name)} = {_value(date)}\n" for name, date in ordered)


def write_history(history: Sequence[ReadTag]) -> str:
    """The file of headers that were read."""
    parts = [HEAD + "# The headers that `pumphouse syscalls database update` has read: where the dates come from.\n"]
    for item in history:
        fields = "".join(f"{name} = {_value(getattr(item, name))}\n" for name in item.__struct_fields__)
        parts.append(f"\n[[read]]\n{fields}")
    return "".join(parts)


def write_backports(backports: Sequence[Backport]) -> str:
    """The file of a vendor's backports, by version."""
    parts = [HEAD + "# What was seen of the vendor's kernels beyond the mainline release they are based on.\n"]
    for item in sorted(backports, key=lambda item: (item.base, item.version)):
        parts.append("\n[[backport]]\n")
        parts += [
            f"{name} = {_value(getattr(item, name))}\n"
            for name in ("vendor", "version", "base", "seen", "kernel", "evidence")
            if getattr(item, name)
        ]
        if item.difference:
            parts += ["difference = [\n", *(f"  {_difference(each)},\n" for each in item.difference), "]\n"]
    return "".join(parts)


def _difference(item: Difference) -> str:
    pairs = [(name, getattr(item, name)) for name in ("call", "word", "kind", "name", "mainline")]
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in pairs if value) + " }"


def _flags(word: Word) -> list[str]:
    if not word.flags:
        return []
    ordered = sorted(word.flags.items(), key=lambda item: (item[1].value, item[0]))
    return ["", "[word.flags]", *(f"{name} = {_inline(flag)}" for name, flag in ordered)]


def _plain(thing: msgspec.Struct, names: tuple[str, ...]) -> list[str]:
    fields = {field.name: field.default for field in msgspec.structs.fields(thing)}
    lines = []
    for name in names:
        value = getattr(thing, name)
        if value not in ([], "", fields[name]):
            lines.append(f"{name} = {_value(value)}")
    return lines


def _inline(thing: Flag | Size) -> str:
    parts = []
    if isinstance(thing, Size):
        parts.append(f"bytes = {thing.bytes}")
        parts += [f"macro = {_value(thing.macro)}"] if thing.macro else []
    else:
        parts.append(f"value = {thing.value:#x}")
    for name in ("since", "seen", "absent", "document"):
        value = getattr(thing, name)
        parts += [f"{name} = {_value(value)}"] if value else []
    return "{ " + ", ".join(parts) + " }"


def _value(value: Any) -> str:
    # A JSON string or list of strings is also a TOML one.
    return json.dumps(value, ensure_ascii=False)

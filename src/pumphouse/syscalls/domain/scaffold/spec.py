# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Specifications of a call and of an extension: TOML, checked; every error has file and line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.scaffold.place import find_line

SIZES = {"u8": 1, "u16": 2, "u32": 4, "s32": 4, "u64": 8}  # bytes of a field's types
SCALARS = ("int", "unsigned int", "pid_t", "clockid_t", "u32")  # types of arguments: 32 bits on every architecture
POINTER = re.compile(r"^(?:const )?(?:char|struct \w+|void) __user \*$")
NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")
FLAG = re.compile(r"^[A-Z][A-Z0-9_]{1,60}$")
FILE = re.compile(r"^(?:[a-z0-9_]+/)+[a-z0-9_]+\.c$")
RESERVED = ("uargs", "usize", "args", "ret", "err")


class Flag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bit of a word, from 0."""

    bit: int
    text: str = ""


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An argument before the struct: of 32 bits, or a pointer."""

    name: str
    type: str
    text: str = ""
    flags: dict[str, Flag] | None = None  # a word of flags where there is one, which may be empty


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the struct: a fixed-width integer."""

    name: str
    type: str
    text: str = ""
    flags: dict[str, Flag] | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return SIZES[self.type]


class CallSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call. Its last two arguments, the struct's pointer and size, are not listed."""

    name: str
    summary: str
    file: str
    struct: str
    field: list[Field]
    config: str = ""
    argument: list[Argument] = []


class ExtendSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another version of a call's struct: the fields that are appended."""

    extends: str
    field: list[Field]


Spec = TypeVar("Spec", CallSpec, ExtendSpec)


@dataclass(frozen=True)
class _Source:
    text: str
    file: str

    def fail(self, path: str, what: str, why: str, next_step: str) -> UserError:
        """The error of a key: `field[1].type`."""
        line = find_line(self.text, path)
        return UserError(what, where=f"{self.file}:{line} {path}", why=why, next_step=next_step)


def parse_spec(text: str, *, file: str) -> CallSpec:
    """The specification of a call. Raises UserError with file, line and remedy."""
    source = _Source(text, file)
    spec = _convert(source, CallSpec)
    _check_name(source, "name", spec.name)
    _check_name(source, "struct", spec.struct)
    if not FILE.match(spec.file):
        raise source.fail(
            "file",
            f"{spec.file!r} is no place for the call",
            "it is a path to a C file below the top folder of the tree",
            'write it like file = "kernel/demo.c"',
        )
    if spec.config and not FLAG.match(spec.config):
        raise source.fail("config", f"{spec.config!r} is no Kconfig symbol", "capitals, digits, _", "leave out CONFIG_")
    if not spec.summary or "\n" in spec.summary:
        raise source.fail("summary", "the summary is not one line", "it heads the man page", "write one, in lower case")
    _check_arguments(source, spec)
    _check_fields(source, spec.field, {})
    _check_flag_names(source, [*spec.argument, *spec.field], len(spec.argument))
    return spec


def parse_extension(text: str, *, file: str) -> ExtendSpec:
    """The specification of an extension. Raises UserError with file, line and remedy."""
    source = _Source(text, file)
    spec = _convert(source, ExtendSpec)
    _check_name(source, "extends", spec.extends)
    _check_fields(source, spec.field, {})
    _check_flag_names(source, spec.field, 0)
    return spec


def _convert(source: _Source, shape: type[Spec]) -> Spec:
    try:
        data = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = at[1] if at else str(source.text.count("\n") + 1)
        raise UserError(
            "the specification is not TOML",
            where=f"{source.file}:{line}",
            why=str(error),
            next_step="compare it with the example: pumphouse syscalls add --example",
        ) from error
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        key = re.search(r"`(\w+)`", said)
        path = path.rstrip("`").lstrip(".").replace("[...]", "")
        if key and "unknown field" in said:
            path = f"{path}.{key[1]}".lstrip(".")
        raise source.fail(
            path, "the specification is not understood", said, "see the example: pumphouse syscalls add --example"
        ) from error


def _check_name(source: _Source, path: str, name: str) -> None:
    if not NAME.match(name):
        raise source.fail(
            path, f"{name!r} is not a name here", "lower case letters, digits and _, from 1 to 41", "choose another"
        )


def _check_arguments(source: _Source, spec: CallSpec) -> None:
    if len(spec.argument) > 4:
        raise source.fail(
            "argument[4]",
            f"{len(spec.argument)} arguments are too many",
            "a system call has six, and the struct takes two",
            "put the rest into the struct",
        )
    seen = set(RESERVED)
    for number, argument in enumerate(spec.argument):
        path = f"argument[{number}]"
        _check_name(source, f"{path}.name", argument.name)
        if argument.name in seen:
            raise source.fail(f"{path}.name", f"the name {argument.name} is taken", "twice, or ours", "choose another")
        seen.add(argument.name)
        if argument.type not in SCALARS and not POINTER.match(argument.type):
            raise source.fail(
                f"{path}.type",
                f"{argument.type!r} would need a compat entry",
                "32-bit programs pass it otherwise than 64-bit ones",
                f"take one of {', '.join(SCALARS)}, a __user pointer, or move it into the struct as u64",
            )
        if argument.flags is not None and argument.type not in {"unsigned int", "u32"}:
            raise source.fail(
                f"{path}.type",
                f"flags are of the type {argument.type!r}",
                "a signed one is extended, and its bit 31 with it (R1)",
                'write type = "unsigned int"',
            )
        _check_flags(source, path, argument.flags, 32)


def _check_fields(source: _Source, fields: list[Field], taken: dict[str, int]) -> None:
    if not fields:
        raise source.fail("field", "the struct has no field", "a call without one cannot grow", "add a [[field]]")
    seen = set(taken)
    for number, field in enumerate(fields):
        path = f"field[{number}]"
        _check_name(source, f"{path}.name", field.name)
        if field.name in seen:
            raise source.fail(f"{path}.name", f"the field {field.name} is there twice", "names are unique", "rename it")
        seen.add(field.name)
        if field.type not in SIZES:
            raise source.fail(
                f"{path}.type",
                f"{field.type!r} is not a type of a field",
                "pointers and longs differ between 32 and 64 bits (R7)",
                f"take one of {', '.join(SIZES)}; a pointer goes into u64",
            )
        if field.flags is not None and field.type.startswith("s"):
            raise source.fail(f"{path}.type", "flags are signed", "masks are unsigned (R1)", 'write type = "u64"')
        _check_flags(source, path, field.flags, 8 * field.size)


def _check_flags(source: _Source, path: str, flags: dict[str, Flag] | None, bits: int) -> None:
    seen: dict[int, str] = {}
    for name, flag in (flags or {}).items():
        at = f"{path}.flags.{name}"
        if not FLAG.match(name):
            raise source.fail(at, f"{name} is not a flag's name", "capitals, digits and _", "rename it")
        if not 0 <= flag.bit < bits:
            raise source.fail(at, f"bit {flag.bit} is not in the word", f"it has {bits} bits", f"take 0 to {bits - 1}")
        if flag.bit in seen:
            raise source.fail(
                at, f"bit {flag.bit} is {seen[flag.bit]} already", "flags are single bits", "take a free one"
            )
        seen[flag.bit] = name


def _check_flag_names(source: _Source, words: list[Any], arguments: int) -> None:
    seen: set[str] = set()
    for number, word in enumerate(words):
        kind = f"argument[{number}]" if number < arguments else f"field[{number - arguments}]"
        for name in word.flags or {}:
            if name in seen:
                raise source.fail(
                    f"{kind}.flags.{name}", f"{name} is defined twice", "flags share one header", "rename one of them"
                )
            seen.add(name)

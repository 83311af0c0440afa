# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes to plans: names become slots, errnos and numbers, and what cannot be run is refused with its line."""

from __future__ import annotations

import errno
import re
import tomllib

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.probe.plan import (
    NO_FD,
    OUT_BYTES,
    PAGE,
    REQUEST,
    Ask,
    Assign,
    CallPlan,
    FactPlan,
    Kind,
    Number,
    Read,
    SizeHow,
    SizePlan,
    Where,
    With,
    WordPlan,
)
from pumphouse.syscalls.domain.probe.recipe import AskTable, Numbers, RecipeTable, Settings, WithTable, WordTable

_SYMBOLS = {
    "badptr": Kind.BAD_POINTER,
    "struct": Kind.REQUEST,
    "out": Kind.OUT,
    "empty": Kind.EMPTY,
    "size": Kind.SIZE,
    "self": Kind.SELF,
    "kept": Kind.KEPT,
    "ones": Kind.ONES,
}
_CONSTANTS = {"nofd": NO_FD, "cwd": -100, "null": 0}
_RAW = re.compile(r"struct\[(\d+):(\d+)\]")
_PLACE = re.compile(r"(out|struct):(\d+):(\d+)")


def read_recipe(text: str, where: str) -> CallPlan:
    """The plan of a recipe. Raises UserError with `where:line` for what is wrong in it."""
    try:
        table = msgspec.convert(tomllib.loads(text), RecipeTable)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise UserError(
            f"the recipe is no TOML: {error}", where=f"{where}:{line[1] if line else 1}", next_step="mend that line"
        ) from error
    except msgspec.ValidationError as error:
        raise _wrong(text, where, str(error), re.findall(r"[`.]([a-z_]+)", str(error))) from error
    try:
        return _Resolver(table).plan()
    except _RecipeError as error:
        raise _wrong(text, where, str(error), error.names) from error


def _wrong(text: str, where: str, what: str, names: list[str]) -> UserError:
    """The error with the line at which the last of the names that occurs stands, as a key rather than elsewhere."""
    line = 1
    for name in names:
        key = re.compile(rf'(?<![\w."]){re.escape(name)}\s*=')
        found = [number for number, content in _content(text) if name in content]
        keys = [number for number, content in _content(text) if key.search(content)]
        line = (keys or found or [line])[0]
    return UserError(
        f"the recipe cannot be run: {what}",
        where=f"{where}:{line}",
        next_step="docs/syscalls/recipes.md describes the language",
    )


def _content(text: str) -> list[tuple[int, str]]:
    lines = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith("#")]


class _RecipeError(Exception):
    def __init__(self, what: str, *names: str) -> None:
        super().__init__(what)
        self.names = list(names)


class _Resolver:
    """Looks names up while a recipe becomes a plan."""

    def __init__(self, table: RecipeTable) -> None:
        self.table = table
        self.fields: dict[str, tuple[int, int]] = {}
        self.arguments: dict[str, int] = {}
        if table.struct is not None:
            for name, place in table.struct.fields.items():
                self.fields[f"{table.struct.name}.{name}"] = _field(name, place, table.struct.known)
            if not 0 < table.struct.first <= table.struct.known < PAGE:
                raise _RecipeError("the struct needs 0 < first <= known < 4096", "first")

    def plan(self) -> CallPlan:
        table = self.table
        if not re.fullmatch(r"[a-z][a-z0-9_]*", table.call):
            raise _RecipeError(f"{table.call!r} is not the name of a call", "call")
        base = self.take_arguments(table.arguments)
        struct = table.struct
        size = table.size
        if size is not None and struct is None:
            raise _RecipeError("a size needs a [struct]", "[size]")
        plan = CallPlan(
            name=table.call,
            number=_number(table.number),
            since=_release(table.since),
            optional=bool(table.config),
            base=base,
            first=struct.first if struct else 0,
            known=struct.known if struct else 0,
            versions=tuple((bytes_, name) for name, bytes_ in struct.versions.items()) if struct else (),
            unprivileged=table.unprivileged,
            prepare=self.ask(table.prepare) if table.prepare else None,
            prepare_closes=bool(table.prepare and table.prepare.close),
            presence=self.settings(table.presence.set),
            presence_rights=_errnos(table.presence.rights),
            size=SizePlan(
                how=_size_how(size.how),
                sets=self.settings(size.set),
                step=size.step,
                read=self.read(size.read) if size.read else Read(where=Where.REQUEST),
                rights=_errnos(size.rights),
            )
            if size
            else SizePlan(),
            words=tuple(self.word(word) for word in table.word),
            facts=tuple(FactPlan(name=fact.name, ask=self.ask(fact.ask)) for fact in table.fact),
        )
        if plan.size.how is SizeHow.BISECT and plan.size.step < 1:
            raise _RecipeError("the step must be positive", "step")
        return plan

    def take_arguments(self, arguments: list[str]) -> tuple[Assign, ...]:
        """The base: "name=value" for each argument, and the base values of fields."""
        if len(arguments) > 6:
            raise _RecipeError("a call has at most six arguments", "arguments")
        base = []
        for slot, argument in enumerate(arguments):
            name, equals, value = argument.partition("=")
            if not equals:
                raise _RecipeError(f"{argument!r} is not name=value", argument)
            self.arguments[name] = slot
            kind, number = _value(_literal(value))
            base.append(Assign(slot=slot, kind=kind, number=number))
        return tuple(base)

    def settings(self, settings: Settings) -> tuple[Assign, ...]:
        """The assignments of a table `set`."""
        found = []
        for name, value in settings.items():
            kind, number = _value(value)
            slot, offset, width = self.place(name)
            found.append(Assign(slot=slot, kind=kind, number=number, offset=offset, width=width))
        return tuple(found)

    def place(self, name: str) -> tuple[int, int, int]:
        if name in self.arguments:
            return self.arguments[name], 0, 8
        if name in self.fields:
            offset, width = self.fields[name]
            return REQUEST, offset, width
        if raw := _RAW.fullmatch(name):
            offset, width = int(raw[1]), int(raw[2])
            if offset + width > PAGE or width not in (1, 2, 4, 8):
                raise _RecipeError(f"{name} lies outside of the request", name)
            return REQUEST, offset, width
        raise _RecipeError(f"{name!r} is neither an argument nor a field", name)

    def ask(self, ask: AskTable) -> Ask:
        """A question: of this call, or with `number` and `arguments` of another."""
        own = dict(self.arguments)
        if ask.number is not None:
            self.arguments = {}
            base = self.take_arguments(ask.arguments)
        elif ask.arguments:
            raise _RecipeError("arguments of a question need a number", "arguments")
        else:
            base = tuple(
                Assign(slot=slot, kind=kind, number=number)
                for slot, (kind, number) in enumerate(
                    _value(_literal(one.partition("=")[2])) for one in self.table.arguments
                )
            )
        sets = (*base, *self.settings(ask.set))
        self.arguments = own
        number = _number(ask.number if ask.number is not None else self.table.number)
        return Ask(source=ask.source, read=self.read(ask.read), number=number, sets=sets, partial=ask.partial)

    def read(self, text: str) -> Read:
        if text == "result":
            return Read(where=Where.RESULT)
        if text.startswith("auxv:") and text[5:].isdigit():
            return Read(where=Where.AUXV, offset=int(text[5:]))
        if place := _PLACE.fullmatch(text):
            offset, width = int(place[2]), int(place[3])
            if width in (1, 2, 4, 8) and offset + width <= OUT_BYTES:
                return Read(where=Where.OUT if place[1] == "out" else Where.REQUEST, offset=offset, width=width)
        raise _RecipeError(f"{text!r} is no place to read from", text)

    def word(self, word: WordTable) -> WordPlan:
        asked_only = bool(word.ask) and not word.accepted
        target: Assign | None = None
        end = 0
        bits = word.bits
        if not asked_only:
            name = word.name.removesuffix(".size") if word.values else word.name
            slot, offset, width = self.place(name)
            target = Assign(slot=slot, number=word.base, offset=offset, width=width)
            end = offset + width if slot == REQUEST else 0
            bits = bits or (8 * width if slot == REQUEST else 32)
            if not word.accepted:
                raise _RecipeError(f"{word.name} says by no errno that a flag is accepted", word.name)
            if set(word.accepted) & set(word.refused):
                raise _RecipeError(f"{word.name} accepts and refuses by the same errno", word.name)
            if word.valid == word.invalid:
                raise _RecipeError(f"{word.name} needs a valid and an invalid control that differ", word.name)
        bits = bits or 64
        if not 1 <= bits <= 64:
            raise _RecipeError(f"{word.name} cannot have {bits} bits", word.name)
        names = word.flags
        for flag, value in names.items():
            if value.bit_count() != 1 or value >> bits:
                raise _RecipeError(f"{flag} is not one bit of {bits}", flag)
        return WordPlan(
            name=word.name,
            target=target,
            bits=bits,
            end=end,
            sets=self.settings(word.set),
            accepted=_errnos(word.accepted),
            refused=_errnos(word.refused),
            closes=word.closes,
            good=word.valid,
            bad=word.invalid,
            skip=word.skip,
            undecided=word.undecided,
            pairs=word.pairs,
            companions=tuple(self.companions(one, names) for one in word.companions),
            values=tuple(word.values.values()),
            asks=tuple(self.ask(ask) for ask in word.ask),
            names=tuple((1 << i, name) for i, name in enumerate(word.values))
            if word.values
            else tuple((value, name) for name, value in names.items()),
        )

    def companions(self, one: WithTable, names: dict[str, int]) -> With:
        value = _bits(one.value, names)
        said = [flag for flag in one.value if isinstance(flag, str)]
        said += one.needs or [f"{key} = {value_}" for key, value_ in one.set.items()]
        return With(bits=_bits(one.flags, names), value=value, sets=self.settings(one.set), needs=tuple(said))


def _bits(flags: list[str | int], names: dict[str, int]) -> int:
    mask = 0
    for flag in flags:
        if isinstance(flag, str) and flag not in names:
            raise _RecipeError(f"{flag} has no value in this word", flag)
        mask |= names[flag] if isinstance(flag, str) else flag
    return mask


def _number(number: int | Numbers) -> Number:
    if isinstance(number, int):
        return Number(x86_64=number, generic=number)
    return Number(x86_64=number.x86_64, generic=number.generic)


def _release(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    if match is None:
        raise _RecipeError(f"{text!r} is not a release such as 5.6", "since")
    return int(match[1]), int(match[2])


def _field(name: str, place: str, known: int) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):([1248])", place)
    if match is None or int(match[1]) + int(match[2]) > known:
        raise _RecipeError(f"{name} = {place!r} is not offset:width inside of the struct", name)
    return int(match[1]), int(match[2])


def _literal(text: str) -> int | str:
    try:
        return int(text, 0)
    except ValueError:
        return text


def _value(value: int | str) -> tuple[Kind, int]:
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise _RecipeError(f"{value} does not fit into 64 bits", str(value))
        return Kind.NUMBER, value
    if value in _CONSTANTS:
        return Kind.NUMBER, _CONSTANTS[value]
    if value in _SYMBOLS:
        return _SYMBOLS[value], 0
    if value.startswith("0x"):
        try:
            return _value(int(value, 16))
        except ValueError:
            pass
    raise _RecipeError(f"{value!r} is no value", value)


def _size_how(text: str) -> SizeHow:
    ways = {"fixed": SizeHow.FIXED, "bisect": SizeHow.BISECT, "written_back": SizeHow.WRITTEN_BACK}
    if text not in ways:
        raise _RecipeError(f"{text!r} is no way to find a size", text)
    return ways[text]


_NAMES = {name: number for name, number in vars(errno).items() if name.startswith("E")} | {"OK": 0}


def _errnos(names: list[str]) -> tuple[int, ...]:
    for name in names:
        if name not in _NAMES:
            raise _RecipeError(f"{name} is no errno", name)
    return tuple(_NAMES[name] for name in names)

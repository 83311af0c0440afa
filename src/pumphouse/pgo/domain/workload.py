# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Workloads: what a kernel is trained with and measured by. Each is a TOML file; users write their own.

summary = "Redis over loopback"
mix = 2                                  # its weight where several workloads are mixed; 1 if left out
set_up = "redis-server --save '' &"      # shell; servers go to the background
warm_up = "redis-benchmark -q -n 500"    # shell; after it an instrumented kernel's counters are set to zero
[programs]                               # what it needs besides busybox
redis-server = "redis-server"            # of a Debian package, downloaded with its libraries, not installed
syscalls = "pumphouse"                   # one of Pumphouse's own guest programs
mine = "./mine"                          # a program here: a path, relative to this file
[files]                                  # text files in the guest, by path
"/etc/passwd" = "root:x:0:0::/:/bin/sh"
[[phase]]
name = "get"
command = "redis-benchmark -t get -n 3000"   # shell; a fixed amount of work
trained = true                           # false: held back; training never sees it
done = "grep -q 'requests per second' $OUT"  # shell; what must hold afterwards, besides the command's status 0
repeat = 1
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec

from pumphouse.core.errors import UserError

MOST_PHASES = 250  # the marks of phases are bytes, and some mean other things
OWN_PROGRAMS = ("syscalls",)
OWN = "pumphouse"
WORKLOADS = Path(__file__).parents[1] / "workloads"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Script = Annotated[str, msgspec.Meta(min_length=1)]


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of a workload that is counted by itself."""

    name: Name
    command: Script
    trained: bool = True
    done: str = "true"
    repeat: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"phases": "phase"}):
    """A workload. `path` is the file that it was read from; the guest's commands run in a fresh tmpfs."""

    summary: Annotated[str, msgspec.Meta(min_length=1)]
    phases: tuple[Phase, ...]
    programs: dict[str, str] = {}
    files: dict[str, str] = {}
    set_up: str = ""
    warm_up: str = ""
    mix: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    memory_mb: Annotated[int, msgspec.Meta(ge=128, le=8192)] = 512
    name: str = ""
    path: str = ""

    @property
    def trained(self) -> tuple[Phase, ...]:
        """The phases that training runs."""
        return tuple(phase for phase in self.phases if phase.trained)

    @property
    def held_back(self) -> tuple[Phase, ...]:
        """The phases that training never sees: they show what a profile is worth for other work."""
        return tuple(phase for phase in self.phases if not phase.trained)

    def programs_of_packages(self) -> dict[str, str]:
        """The programs that come from Debian packages -> the package."""
        return {name: place for name, place in self.programs.items() if place != OWN and "/" not in place}

    def programs_of_files(self) -> dict[str, Path]:
        """The programs that are files here -> their path."""
        folder = Path(self.path).parent
        return {name: folder / place for name, place in self.programs.items() if "/" in place}

    def own_programs(self) -> tuple[str, ...]:
        """The programs that are Pumphouse's own."""
        return tuple(name for name, place in self.programs.items() if place == OWN)


def list_workloads() -> list[str]:
    """The names of the workloads that ship with Pumphouse."""
    return sorted(path.stem for path in WORKLOADS.glob("*.toml"))


def read_workload(name: str) -> Workload:
    """A workload that ships with Pumphouse, by name, or one in a file, by path (FILE.toml).

    Raises UserError, for what is wrong in a file with its line.
    """
    if name in list_workloads():
        path = WORKLOADS / f"{name}.toml"
    elif name.endswith(".toml") or "/" in name:
        path = Path(name)
    else:
        close = difflib.get_close_matches(name, list_workloads(), n=1)
        raise UserError(
            f"there is no workload {name!r}",
            where="--workload",
            why=f"did you mean {close[0]}?" if close else "",
            next_step=f"take one of {', '.join(list_workloads())}, or name a file: ./mine.toml",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "the workload cannot be read",
            where=str(path),
            why=getattr(error, "strerror", None) or str(error),
            next_step=f"name a file, or one of {', '.join(list_workloads())}",
        ) from error
    return parse_workload(text, path=path)


def parse_workload(text: str, *, path: Path) -> Workload:
    """The workload of a TOML text. Raises UserError with file:line, what is wrong, and what would be right."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise UserError(
            "the workload is not TOML",
            where=f"{path}:{line[1] if line else len(text.splitlines())}",
            why=str(error),
            next_step="pumphouse pgo workload show redis prints one that works",
        ) from error
    for reserved in ("name", "path"):
        if reserved in table:
            raise _wrong(text, path, (reserved,), f"unknown key {reserved}", "a workload is called as its file is")
    try:
        workload = msgspec.convert(table, Workload)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, path) from error
    workload = msgspec.structs.replace(workload, name=path.stem, path=str(path))
    _check(workload, text, path)
    return workload


def _check(workload: Workload, text: str, path: Path) -> None:
    """What a type cannot say."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", path.stem):
        raise UserError(
            f"{path.stem!r} is no name for a workload",
            where=str(path),
            why="it becomes part of file names: small letters, digits, - and _",
            next_step="rename the file",
        )
    if not 1 <= len(workload.phases) <= MOST_PHASES:
        raise _wrong(text, path, ("phase",), f"{len(workload.phases)} phases", f"give 1 to {MOST_PHASES} [[phase]]")
    seen: dict[str, int] = {}
    for index, phase in enumerate(workload.phases):
        if phase.name in seen:
            at = find_line(text, ("phase", seen[phase.name], "name"))
            raise _wrong(
                text, path, ("phase", index, "name"), f"the phase {phase.name} is there twice", f"first in line {at}"
            )
        seen[phase.name] = index
    if not workload.trained:
        raise _wrong(text, path, ("phase",), "no phase is trained", "take trained = false from at least one")
    _check_programs(workload, text, path)
    for inside in workload.files:
        if not inside.startswith("/") or ".." in PurePosixPath(inside).parts or inside in {"/init", "/job"}:
            raise _wrong(
                text, path, ("files", inside), f"{inside!r} is no path for a file", "give an absolute path without .."
            )


def _check_programs(workload: Workload, text: str, path: Path) -> None:
    for name, place in workload.programs.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*", name) or not place:
            raise _wrong(text, path, ("programs", name), f"{name!r} is no program", 'write name = "debian-package"')
        if place == OWN and name not in OWN_PROGRAMS:
            close = difflib.get_close_matches(name, OWN_PROGRAMS, n=1, cutoff=0.0)
            raise _wrong(
                text, path, ("programs", name), f"Pumphouse has no guest program {name}", f"did you mean {close[0]}?"
            )


def _explain(message: str, text: str, path: Path) -> UserError:
    """The error that a message of msgspec stands for, with the line and, for an unknown key, the likely one."""
    at = re.search(r" - at `(key in )?\$\.?(.*)`$", message)
    inside = at[2] if at else ""
    reason = message[: at.start()] if at else message
    keys = tuple(
        int(word) if word.isdigit() else word for word in re.findall(r"[^.\[\]]+", inside.replace("[...]", ""))
    )
    if unknown := re.search(r"(?:unknown|required) field `(.*?)`", reason):
        known = _fields_of(keys)
        name = unknown[1]
        if "missing" in reason:
            return _wrong(text, path, keys, f"{_spell((*keys, name))} is missing", f"add {name} = ...")
        close = difflib.get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return _wrong(text, path, (*keys, name), f"unknown key {_spell((*keys, name))}", remedy)
    value = _value_at(text, keys)
    what = f"{_spell(keys) or path.name} = {value!r} is not valid"
    return _wrong(text, path, keys, what, "pumphouse pgo workload show redis prints one that works", why=reason)


def _spell(keys: tuple[str | int, ...]) -> str:
    """Where a key stands, in words that count from 1: ("phase", 1, "done") is `done of phase 2`."""
    if len(keys) > 1 and isinstance(keys[1], int):
        place = f"{keys[0]} {keys[1] + 1}"
        return f"{'.'.join(map(str, keys[2:]))} of {place}" if keys[2:] else place
    return ".".join(map(str, keys))


def _fields_of(keys: tuple[str | int, ...]) -> list[str]:
    shape: type[msgspec.Struct] = Phase if keys[:1] == ("phase",) else Workload
    names = shape.__struct_encode_fields__
    return [name for name in names if shape is Phase or name not in {"name", "path"}]


def _value_at(text: str, keys: tuple[str | int, ...]) -> Any:
    value: Any = tomllib.loads(text)
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return value
    return value


def _wrong(
    text: str, path: Path, keys: tuple[str | int, ...], what: str, next_step: str, *, why: str = ""
) -> UserError:
    return UserError(what, where=f"{path}:{find_line(text, keys)}", why=why, next_step=next_step)


def find_line(text: str, keys: tuple[str | int, ...]) -> int:
    """The line, from 1, in which a key is set: ("phase", 2, "command") is `command` of the third [[phase]].

    The nearest header where the key itself is not found, else 1. tomllib tells no lines; this follows the table headers
    and `key =` lines, and skips what stands inside multi-line strings.
    """
    best, table, counts, inside = 1, typing.cast("tuple[str | int, ...]", ()), dict[str, int](), ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if line.count(inside) % 2 else inside
            continue
        stripped = line.strip()
        if header := re.match(r"\[\[\s*(.+?)\s*\]\]", stripped):
            counts[header[1]] = counts.get(header[1], -1) + 1
            table = (header[1], counts[header[1]])
        elif header := re.match(r"\[\s*(.+?)\s*\]", stripped):
            table = (header[1],)
        if header and keys and table[: len(keys)] == keys[: len(table)]:
            best = number
            if len(table) >= len(keys):
                return number
        elif not header and (pair := re.match(r"([\w\-]+|\"[^\"]*\"|'[^']*')\s*=", stripped)):
            if (*table, pair[1].strip("\"'")) == keys:
                return number
            opened = next((quote for quote in ('"""', "'''") if stripped.count(quote) % 2), "")
            inside = opened
    return best

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse.toml`: read, checked, and told with file, line, key, value and remedy when it is wrong.

Secrets never stand in the file. A setting that may be secret takes `env:NAME` or `file:PATH` instead of a value.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pumphouse.core.errors import UserError

FILE_NAME = "pumphouse.toml"

Shape = typing.TypeVar("Shape", bound=msgspec.Struct)

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Role = Literal["nobody", "viewer", "operator", "administrator"]


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[site]: what the site calls itself."""

    name: str = "Pumphouse"


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[web]: where the site listens. `base_url` is how others reach it, where a proxy stands in front."""

    host: str = "127.0.0.1"
    port: Port = 8420
    base_url: str = ""


class DatabaseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[database]: `url` is empty for SQLite in data/, or postgresql://..., or env:NAME, or file:PATH."""

    url: str = ""


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[auth]: what somebody may do who has not signed in, and how long a sign-in lasts."""

    anonymous_role: Role = "viewer"
    session_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14
    sign_in_link_minutes: Annotated[int, msgspec.Meta(ge=1, le=10080)] = 60


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[worker]: how runs are executed. `procrastinate` needs PostgreSQL."""

    executor: Literal["local", "procrastinate"] = "local"
    slots: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    lease_s: Annotated[float, msgspec.Meta(ge=2, le=3600)] = 20.0
    first_runs: bool = True


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tables of pumphouse.toml that belong to the core. Each part adds a table under its own name."""

    site: SiteSettings = msgspec.field(default_factory=SiteSettings)
    web: WebSettings = msgspec.field(default_factory=WebSettings)
    database: DatabaseSettings = msgspec.field(default_factory=DatabaseSettings)
    auth: AuthSettings = msgspec.field(default_factory=AuthSettings)
    worker: WorkerSettings = msgspec.field(default_factory=WorkerSettings)


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file. Raises UserError naming file, line and column when it cannot be read as TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {path}",
            where=str(path),
            why=error.strerror or str(error),
            next_step="pumphouse init DIR makes a site",
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path.name} is not UTF-8 text", where=f"{path}, byte {error.start}", next_step="save it as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        where = f"{path}:{place[1]}:{place[2]}" if place else str(path)
        raise UserError(
            f"{path.name} is not valid TOML",
            where=where,
            why=re.sub(r"\s*\(at .*\)$", "", str(error)),
            next_step="correct that line; the last valid settings stay in use where the site is running",
        ) from error


def find_line(text: str, keys: tuple[str, ...]) -> int:
    """The line, from 1, on which the dotted key is set in a TOML text, or 1 where it is not found.

    tomllib gives no positions, so this follows the table headers and the `key =` lines, which is how people write them.
    """
    best = 1
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := re.match(r"\[\[?\s*([^\]]+?)\s*\]?\]", stripped):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == keys[: len(table)]:
                best = number
        elif pair := re.match(r"([A-Za-z0-9_\-.\"']+)\s*=", stripped):
            full = (*table, *(part.strip("\"'") for part in pair[1].split(".")))
            if full == keys[: len(full)] and len(full) > len(table):
                return number
    return best


def decode_table(table: dict[str, Any], shape: type[Shape], *, path: Path, prefix: tuple[str, ...] = ()) -> Shape:
    """`table` as a `shape`. Raises UserError with file:line, the key, the value given, and what would be right."""
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        raise _explain(str(error), table, shape, path=path, prefix=prefix) from error


def _explain(
    message: str, table: dict[str, Any], shape: type[msgspec.Struct], *, path: Path, prefix: tuple[str, ...]
) -> UserError:
    at = re.search(r" - at `\$\.?(.*)`$", message)
    inner = tuple(at[1].split(".")) if at and at[1] else ()
    reason = message[: at.start()] if at else message
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if unknown := re.search(r"unknown field `(.*?)`", reason):
        keys = (*prefix, *inner, unknown[1])
        known = _keys_of(shape, inner)
        close = difflib.get_close_matches(unknown[1], known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return UserError(
            f"unknown key {'.'.join(keys)}",
            where=f"{path}:{find_line(text, keys)}",
            why="a key that nothing reads would be a setting without effect",
            next_step=remedy,
        )
    keys = (*prefix, *inner)
    value: Any = table
    for key in inner:
        value = value.get(key) if isinstance(value, dict) else None
    return UserError(
        f"{'.'.join(keys) or path.name} = {value!r} is not valid",
        where=f"{path}:{find_line(text, keys)}",
        why=reason,
        next_step="see docs/reference/settings.md for the values that this key takes",
    )


def _keys_of(shape: type[msgspec.Struct], inner: tuple[str, ...]) -> list[str]:
    current: Any = shape
    for key in inner:
        current = typing.get_type_hints(current).get(key, current)
    return list(current.__struct_fields__) if hasattr(current, "__struct_fields__") else []


def read_secret(value: str, *, key: str, path: Path) -> str:
    """The value behind `env:NAME` or `file:PATH` (relative to the site), or `value` itself where it is neither.

    Raises UserError where the variable is not set or the file cannot be read; the error never holds the secret.
    """
    kind, _, name = value.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise UserError(
                f"{key} names the environment variable {name}, which is not set",
                where=str(path),
                next_step=f"set {name} where the site is started",
            )
        return os.environ[name]
    if kind == "file":
        source = path.parent / name
        try:
            return source.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UserError(
                f"{key} names the file {name}, which cannot be read",
                where=str(source),
                why=error.strerror or str(error),
                next_step="make the file readable for the account that runs the site",
            ) from error
    return value

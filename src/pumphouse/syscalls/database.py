# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The database in its folder: what ships with Pumphouse, or another one that a command is pointed at."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pumphouse.core.errors import InfraError, UserError
from pumphouse.syscalls.domain.database.backport import Backport, BackportFile
from pumphouse.syscalls.domain.database.call import Call
from pumphouse.syscalls.domain.database.call_file import (
    read_call,
    read_toml,
    write_backports,
    write_call,
    write_history,
    write_releases,
)
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.update import Change, ReadTag, update_call
from pumphouse.syscalls.domain.tree.uapi import UapiHeaders

FOLDER = Path(__file__).parent / "data"
MAX_HEADER = 4_000_000  # bytes; a header is never larger


class ReleaseFile(msgspec.Struct, forbid_unknown_fields=True):
    """data/releases.toml: when each release was tagged."""

    dates: dict[str, str]


class HistoryFile(msgspec.Struct, forbid_unknown_fields=True):
    """data/history.toml: which headers were read."""

    read: list[ReadTag] = []


class Database(msgspec.Struct, kw_only=True):
    """All calls by name, releases with their dates in order, the headers that were read, and vendors' backports."""

    calls: dict[str, Call]
    releases: dict[str, str]
    history: list[ReadTag]
    backports: list[Backport]


@functools.cache
def shipped_database() -> Database:
    """The database that ships with Pumphouse, read once. Do not change it."""
    return open_database(FOLDER)


def open_database(folder: Path) -> Database:
    """The database in a folder. Raises UserError where a file of it is wrong, InfraError where it cannot be read."""
    calls = [read_call(_read(path), where=str(path)) for path in sorted((folder / "calls").glob("*.toml"))]
    if not calls:
        raise UserError(
            "there is no database here",
            where=str(folder),
            why="calls/ has no TOML file",
            next_step="name the folder data of the part syscalls, or leave the option out",
        )
    path = folder / "releases.toml"
    dates = read_toml(_read(path), ReleaseFile, where=str(path)).dates
    path = folder / "history.toml"
    history = read_toml(_read(path), HistoryFile, where=str(path)).read if path.exists() else []
    backports = [
        item
        for path in sorted((folder / "backports").glob("*.toml"))
        for item in read_toml(_read(path), BackportFile, where=str(path)).backport
    ]
    return Database(
        calls={call.name: call for call in calls},
        releases=dict(sorted(dates.items(), key=lambda item: read_tag(item[0]))),
        history=history,
        backports=backports,
    )


def save_database(database: Database, folder: Path) -> None:
    """Write every file anew. Raises InfraError where the folder cannot be written."""
    try:
        (folder / "calls").mkdir(parents=True, exist_ok=True)
        (folder / "backports").mkdir(exist_ok=True)
        for call in database.calls.values():
            (folder / "calls" / f"{call.name}.toml").write_text(write_call(call), encoding="utf-8")
        (folder / "releases.toml").write_text(write_releases(database.releases), encoding="utf-8")
        (folder / "history.toml").write_text(write_history(database.history), encoding="utf-8")
        for vendor in {item.vendor for item in database.backports}:
            own = [item for item in database.backports if item.vendor == vendor]
            (folder / "backports" / f"{vendor}.toml").write_text(write_backports(own), encoding="utf-8")
    except OSError as error:
        raise InfraError(
            "the database cannot be written",
            where=str(folder),
            why=str(error),
            next_step="name a folder of your own: copy the one that ships, and give it with --data",
        ) from error


def load_headers(folder: Path, wanted: Sequence[str]) -> UapiHeaders:
    """The wanted uapi headers of a kernel tree, or of the folder uapi itself. Raises UserError where there is none."""
    for root in (folder / "include" / "uapi", folder):
        texts = {name: _read_header(root / name) for name in wanted if (root / name).is_file()}
        if texts:
            return UapiHeaders(texts)
    raise UserError(
        "there are no uapi headers here",
        where=str(folder),
        why="neither linux/openat2.h nor another header of the database is in it or in include/uapi",
        next_step="name a kernel's source tree, or its folder include/uapi",
    )


def wanted_headers(calls: Mapping[str, Call]) -> list[str]:
    """The headers that the calls name, in order."""
    return sorted({header for call in calls.values() for header in call.headers})


def update_database(database: Database, headers: UapiHeaders, *, tag: str, date: str, source: str) -> list[Change]:
    """Bring the headers of a tag into the database, in place; returns what changed.

    `date` is that of the tag; it becomes the release's date where the tag is the release itself. Raises UserError where
    a release is new and has no date.
    """
    version = read_tag(tag)
    if not version.is_stable and version.candidate == float("inf"):
        if not date and version.release not in database.releases:
            raise UserError(
                f"the date of {tag} is not known",
                where="--date",
                next_step=f"say when it was tagged: --date YYYY-MM-DD; the database knows up to "
                f"{max(database.releases, key=read_tag)}",
            )
        database.releases.setdefault(version.release, date)
    changes = [
        change for call in database.calls.values() for change in update_call(call, headers, tag, database.history)
    ]
    database.history = [item for item in database.history if (item.tag, item.source) != (tag, source)]
    database.history.append(ReadTag(tag=tag, date=date, source=source, headers=sorted(headers.names)))
    database.history.sort(key=lambda item: (read_tag(item.tag), item.source))
    database.releases = dict(sorted(database.releases.items(), key=lambda item: read_tag(item[0])))
    return changes


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InfraError(
            "a file of the database cannot be read",
            where=str(path),
            why=str(error),
            next_step="install Pumphouse anew, or name another folder with --data",
        ) from error


def _read_header(path: Path) -> str:
    try:
        return path.read_bytes()[:MAX_HEADER].decode(errors="replace")
    except OSError as error:
        raise InfraError(
            "a header cannot be read", where=str(path), why=str(error), next_step="unpack the headers anew"
        ) from error

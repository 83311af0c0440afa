# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A site: a directory with `pumphouse.toml` and `data/`."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from pumphouse.core.artifacts import ArtifactStore
from pumphouse.core.clock import Clock, SystemClock
from pumphouse.core.config import FILE_NAME, Settings, Shape, decode_table, read_secret, read_toml
from pumphouse.core.db import Database, sqlite_url
from pumphouse.core.errors import UserError
from pumphouse.core.jobs.runs import Runs
from pumphouse.core.parts import Part, find_parts, resolve

STARTER = """\
# A Pumphouse site. Every key that may stand here: docs/reference/settings.md

[site]
name = "{name}"

[web]
host = "127.0.0.1"
port = 8420
"""


class Site:
    """An opened site. The database is connected at first use; close it when done."""

    def __init__(self, root: Path, *, clock: Clock | None = None) -> None:
        self.root = root.resolve()
        self.path = self.root / FILE_NAME
        self.clock = clock or SystemClock()
        self._table = read_toml(self.path)
        names = {part.name for part in find_parts()}
        core = {key: value for key, value in self._table.items() if key not in names}
        self.settings = decode_table(core, Settings, path=self.path)

    @property
    def data_dir(self) -> Path:
        """Where everything is that the site writes."""
        return self.root / "data"

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """The files of the runs."""
        return ArtifactStore(self.data_dir / "artifacts")

    @cached_property
    def database(self) -> Database:
        """The site's database."""
        return Database(self.database_url)

    @property
    def database_url(self) -> str:
        """The URL with its secret; never show it. Raises UserError where a password stands in the file."""
        given = self.settings.database.url
        url = read_secret(given, key="database.url", path=self.path)
        if not url:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            return sqlite_url(self.data_dir / "pumphouse.db")
        if url == given and "@" in url and ":" in url.partition("://")[2].partition("@")[0]:
            raise UserError(
                "database.url holds a password",
                where=str(self.path),
                why="a settings file is copied and committed; a secret must not be in it",
                next_step='write url = "env:PUMPHOUSE_DATABASE_URL" or url = "file:data/database-url"',
            )
        return url

    @cached_property
    def runs(self) -> Runs:
        """The site's runs."""
        return Runs(self.database, self.clock)

    def part_settings(self, name: str, shape: type[Shape]) -> Shape:
        """The table [name] as the part's settings. Raises UserError naming file, line, key and remedy."""
        return decode_table(self._table.get(name, {}), shape, path=self.path, prefix=(name,))

    def check(self, parts: list[Part] | None = None) -> None:
        """Validate every table, the parts' too, and the secrets that they name. Raises UserError at the first fault."""
        for part in parts if parts is not None else find_parts():
            if part.settings:
                self.part_settings(part.name, resolve(part.settings))
            elif self._table.get(part.name):
                raise UserError(
                    f"the part {part.name} has no settings",
                    where=str(self.path),
                    why="it is not built yet" if not part.built else "it reads none",
                    next_step=f"remove the table [{part.name}]",
                )
        _ = self.database_url

    def describe(self) -> dict[str, Any]:
        """The settings as plain values, for display; secrets are only names there."""
        return {"root": str(self.root), **msgspec.to_builtins(self.settings)}

    async def close(self) -> None:
        """Close the database."""
        if "database" in self.__dict__:
            await self.database.close()


def create_site(root: Path, *, name: str = "Pumphouse") -> Path:
    """Make a site at `root`. Raises UserError where there is one already or the folder cannot be made."""
    path = root / FILE_NAME
    if path.exists():
        raise UserError("there is a site already", where=str(path), next_step=f"pumphouse up {root} starts it")
    try:
        root.mkdir(parents=True, exist_ok=True)
        path.write_text(STARTER.format(name=name.replace("\\", "\\\\").replace('"', '\\"')), encoding="utf-8")
    except OSError as error:
        raise UserError(
            "the site cannot be made here",
            where=str(root),
            why=error.strerror or str(error),
            next_step="name a folder in which this account may write",
        ) from error
    return path


def find_site_root(given: Path | None = None) -> Path:
    """The site to work on: the given folder, PUMPHOUSE_SITE, the nearest pumphouse.toml here or above, or one's own.

    One's own, $XDG_DATA_HOME/pumphouse/site, is made where no other is there, so that each command works alone.
    """
    if given is not None:
        return given
    if named := os.environ.get("PUMPHOUSE_SITE"):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        for candidate in (folder, folder / "site"):
            if (candidate / FILE_NAME).is_file():
                return candidate
    own = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "pumphouse" / "site"
    if not (own / FILE_NAME).exists():
        create_site(own)
    return own

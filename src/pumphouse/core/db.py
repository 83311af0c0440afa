# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The database of a site: SQLite by default, PostgreSQL by URL, the same tables in both.

SQLite runs in WAL mode with two engines: readers never wait, and there is one writer whose transactions all begin
with BEGIN IMMEDIATE, so that none can fail half-way because another one wrote first.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pumphouse.core.errors import InfraError, UserError

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the core and of the parts stands on it; a test compares it with the migrations."""

# Two id types: SQLite gives out rising ids only for INTEGER PRIMARY KEY.
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
Seconds: sa.Double[float] = sa.Double()  # seconds since the epoch

BUSY_TIMEOUT_S = 10


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite database at `path`."""
    return f"sqlite+aiosqlite:///{path}"


def engine_url(url: str) -> str:
    """`url` with the driver that Pumphouse uses. Raises UserError for a database that it does not speak."""
    for prefix, ours in (
        ("sqlite+aiosqlite:", "sqlite+aiosqlite:"),
        ("sqlite:", "sqlite+aiosqlite:"),
        ("postgresql+psycopg:", "postgresql+psycopg:"),
        ("postgresql:", "postgresql+psycopg:"),
        ("postgres:", "postgresql+psycopg:"),
    ):
        if url.startswith(prefix):
            return ours + url[len(prefix) :]
    raise UserError(
        f"the database {url.partition(':')[0]!r} is not one that Pumphouse speaks",
        where="database.url",
        next_step="leave it empty for SQLite, or give postgresql://USER@HOST/NAME",
    )


class Database:
    """Connections to one database. `read()` for looking, `write()` for one transaction; close it when done.

    Raises UserError for a database that Pumphouse does not speak, InfraError where a SQLite file has no folder.
    """

    def __init__(self, url: str) -> None:
        self.url = engine_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        if self.is_sqlite:
            _require_folder(self.url)
            self._reader = _sqlite_engine(self.url, write=False)
            self._writer = _sqlite_engine(self.url, write=True)
        else:
            self._reader = self._writer = create_async_engine(self.url, pool_size=4, pool_pre_ping=True)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading. Raises InfraError where the database cannot be used."""
        with _told(self.url):
            async with self._reader.connect() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction, committed at the end of the block and rolled back on an exception."""
        with _told(self.url):
            async with self._writer.begin() as connection:
                yield connection

    def now(self, clock_now: float) -> sa.ColumnElement[float]:
        """The time by which leases are judged: the server's where machines share one, else this machine's."""
        if self.is_sqlite:
            return sa.literal(clock_now, Seconds)
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), Seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()


def plain_rows(result: sa.CursorResult[Any]) -> list[dict[str, Any]]:
    """The rows of a result as dicts with plain string keys (SQLAlchemy's are a subclass that msgspec refuses)."""
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a RMKeyView, not a dict
    return [dict(zip(names, row, strict=True)) for row in result]


def _require_folder(url: str) -> None:
    name = sa.make_url(url).database
    if name and not (folder := Path(name).parent).is_dir():
        raise InfraError(
            "the folder of the database does not exist",
            where=str(folder),
            next_step="make it, or mount the disk on which it is",
        )


def _sqlite_engine(url: str, *, write: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=1 if write else 4,
        max_overflow=0 if write else 4,
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
            "cache_size=-4000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine


@contextlib.contextmanager
def _told(url: str) -> Any:
    """Turn the driver's error into one that says what to do. Errors in our SQL stay what they are: bugs."""
    place = sa.make_url(url).render_as_string(hide_password=True)
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, sqlite3.OperationalError, OSError) as error:
        reason = str(getattr(error, "orig", error)).strip()
        if "no such" in reason or "syntax error" in reason or "has no column" in reason:
            raise
        raise InfraError(_what_failed(reason), where=place, why=reason, next_step=_what_to_do(reason)) from error


def _what_failed(reason: str) -> str:
    if "full" in reason or "No space" in reason:
        return "the disk of the database is full"
    if "locked" in reason:
        return f"the database stayed locked for {BUSY_TIMEOUT_S} s"
    if "readonly" in reason or "read-only" in reason:
        return "the database cannot be written"
    return "the database cannot be used"


def _what_to_do(reason: str) -> str:
    if "full" in reason or "No space" in reason:
        return "make room on that disk; runs that were cut off continue by themselves"
    if "locked" in reason:
        return "find the process that holds it (fuser FILE) and end its transaction"
    if "unable to open" in reason or "readonly" in reason or "read-only" in reason:
        return "check that the folder exists and that this account may write there"
    return "check that the server runs and that the URL, user and password are right"

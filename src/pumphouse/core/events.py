# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Events: typed, frozen records of what happened, with a time and an actor, kept in a table with a rising id.

An event is published inside the transaction that makes it true, so there is no event without its change and no change
without its event. Whoever wants to know reads the table from an id on, also after a restart and in another process.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pumphouse.core import tables
from pumphouse.core.db import Database, plain_rows


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every event. A subclass names itself in the past tense: `latency.comparison.finished`."""

    name: ClassVar[str] = ""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was stored: `at` in seconds since the epoch, `data` the fields of the event."""

    id: int
    name: str
    at: float
    actor: str
    data: dict[str, Any]


async def publish(connection: AsyncConnection, event: Event, *, actor: str, at: float) -> None:
    """Store `event` in the caller's transaction."""
    await connection.execute(
        sa.insert(tables.event).values(
            name=type(event).name, at=at, actor=actor, data=msgspec.to_builtins(event, str_keys=True)
        )
    )


async def read_events(
    database: Database, *, after: int = 0, name_prefix: str = "", limit: int = 1000
) -> list[StoredEvent]:
    """The events with an id above `after`, oldest first; `name_prefix` "latency." keeps those of one part."""
    query = sa.select(tables.event).where(tables.event.c.id > after).order_by(tables.event.c.id).limit(limit)
    if name_prefix:
        query = query.where(tables.event.c.name.startswith(name_prefix, autoescape=True))
    async with database.read() as connection:
        rows = plain_rows(await connection.execute(query))
    return [msgspec.convert(row, StoredEvent) for row in rows]


async def last_event_id(database: Database) -> int:
    """The id of the newest event, 0 where there is none."""
    async with database.read() as connection:
        return int((await connection.execute(sa.select(sa.func.max(tables.event.c.id)))).scalar() or 0)

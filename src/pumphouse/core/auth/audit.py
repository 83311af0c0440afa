# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The audit log: who did what to whom, written in the transaction that does it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pumphouse.core.auth import tables
from pumphouse.core.db import Database, plain_rows


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative act; `at` in seconds since the epoch."""

    id: int
    at: float
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


async def record(
    connection: AsyncConnection, *, at: float, actor: str, action: str, subject: str, **detail: str | float
) -> None:
    """Store an act in the caller's transaction. Secrets never go into `detail`."""
    await connection.execute(
        sa.insert(tables.audit).values(at=at, actor=actor[:100], action=action, subject=subject[:200], detail=detail)
    )


async def read_audit(database: Database, *, before: int | None = None, limit: int = 50) -> list[AuditEntry]:
    """The entries, newest first; `before` is the id below which to go on."""
    table = tables.audit
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    async with database.read() as connection:
        rows = plain_rows(await connection.execute(query))
    return [msgspec.convert(row, AuditEntry) for row in rows]

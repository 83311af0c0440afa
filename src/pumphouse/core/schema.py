# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Bringing a database to the schema of this program, and refusing one that is newer."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

import pumphouse.migrations
from pumphouse.core.db import Database
from pumphouse.core.errors import UserError

FOLDER = Path(pumphouse.migrations.__file__).parent


def newest_revision() -> str:
    """The revision of this program: the highest number among the migrations' file names."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


async def current_revision(database: Database) -> str | None:
    """The revision of the database, None where it is empty."""

    def look(connection: sa.Connection) -> str | None:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return revision

    async with database.read() as connection:
        return await connection.run_sync(look)


async def upgrade_schema(database: Database) -> bool:
    """Migrate the database to this program's revision, in one transaction; returns whether anything was done.

    Raises UserError for a database that a newer Pumphouse has migrated.
    """
    current, newest = await current_revision(database), newest_revision()
    if current == newest:
        return False
    if current is not None and current > newest:
        raise UserError(
            "the database is newer than this program",
            where=sa.make_url(database.url).render_as_string(hide_password=True),
            why=f"its schema is revision {current}, this program knows up to {newest}",
            next_step="install the newer Pumphouse again, or restore a backup that this one made",
        )
    # Alembic is imported only when there is something to do: it costs 12 MB that an idle site need not hold.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))

    def migrate(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.write() as connection:
        await connection.run_sync(migrate)
    return True

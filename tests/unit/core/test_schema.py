# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pumphouse.core import tables
from pumphouse.core.auth import tables as auth_tables
from pumphouse.core.db import Database, metadata, sqlite_url
from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.schema import current_revision, newest_revision, upgrade_schema

pytestmark = [pytest.mark.unit, pytest.mark.anyio]


@pytest.fixture
async def database(tmp_path):
    database = Database(sqlite_url(tmp_path / "x.db"))
    yield database
    await database.close()


async def test_the_migrations_make_exactly_the_tables_of_the_code(database):
    assert await upgrade_schema(database) is True
    assert await upgrade_schema(database) is False
    assert await current_revision(database) == newest_revision()
    async with database.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert differences == []
    assert {tables.run.name, auth_tables.account.name} <= set(metadata.tables)


async def test_a_newer_database_is_refused(database):
    await upgrade_schema(database)
    async with database.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer than this program"):
        await upgrade_schema(database)


async def test_a_database_in_a_missing_folder_is_told(tmp_path):
    with pytest.raises(InfraError, match="folder of the database does not exist") as caught:
        Database(sqlite_url(tmp_path / "none" / "x.db"))
    assert caught.value.text.where == str(tmp_path / "none")


async def test_a_writer_that_holds_the_database_does_not_hinder_readers(database):
    await upgrade_schema(database)
    async with database.write() as writer:
        await writer.execute(sa.insert(tables.event).values(name="x.y", at=0.0, actor="me", data={}))
        async with database.read() as reader:
            assert (await reader.execute(sa.select(sa.func.count()).select_from(tables.event))).scalar() == 0
    async with database.read() as reader:
        assert (await reader.execute(sa.select(sa.func.count()).select_from(tables.event))).scalar() == 1

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""API tokens: for programs that act for a person, with a role and an end."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from pumphouse.core.auth import tables
from pumphouse.core.auth.audit import record
from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.roles import covers, lesser
from pumphouse.core.auth.secrets import TOKEN_PREFIX, hash_secret, new_secret
from pumphouse.core.clock import Clock
from pumphouse.core.config import Role
from pumphouse.core.db import Database, plain_rows
from pumphouse.core.errors import ForbiddenError, NotFoundError, UserError

USED_EVERY_S = 300.0
MAX_DAYS = 366
MAX_NAME = 30

_TOKEN = tables.api_token


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its secret. Times are seconds since the epoch."""

    id: int
    name: str
    role: Role
    created_at: float
    expires_at: float
    used_at: float | None


class Tokens:
    """The API tokens of a site."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def create(self, identity: Identity, *, name: str, role: Role, days: int) -> str:
        """The secret of a new token for the person, shown to them once. Raises UserError, ForbiddenError."""
        name = name.strip()
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise UserError(
                "the token needs a name",
                where="the name",
                why=f"1 to {MAX_NAME} characters that tell what uses it",
                next_step="name it after the program or the machine, such as backup or ci",
            )
        if not 1 <= days <= MAX_DAYS:
            raise UserError(
                f"a token cannot last {days} days", where="the days", next_step=f"give a number from 1 to {MAX_DAYS}"
            )
        if identity.account_id is None or not covers(identity.role, role):
            raise ForbiddenError(
                f"a token with the role {role} would allow more than you may do",
                where="the role",
                next_step=f"choose {identity.role} or less",
            )
        now = self.clock.now()
        secret = new_secret(TOKEN_PREFIX)
        async with self.database.write() as connection:
            await connection.execute(
                sa.insert(_TOKEN).values(
                    token_hash=hash_secret(secret),
                    account_id=identity.account_id,
                    name=name,
                    role=role,
                    created_at=now,
                    expires_at=now + days * 86400,
                )
            )
            await record(
                connection, at=now, actor=identity.actor, action="token.created", subject=name, role=role, days=days
            )
        return secret

    async def identify(self, secret: str) -> Identity | None:
        """Whom the token acts for, None where it is unknown, expired, revoked, or the account disabled."""
        now = self.clock.now()
        account = tables.account
        query = (
            sa.select(
                _TOKEN.c.id,
                _TOKEN.c.name.label("token_name"),
                _TOKEN.c.role.label("token_role"),
                _TOKEN.c.used_at,
                account.c.id.label("account_id"),
                account.c.name,
                account.c.role,
            )
            .join(account, account.c.id == _TOKEN.c.account_id)
            .where(
                _TOKEN.c.token_hash == hash_secret(secret),
                _TOKEN.c.expires_at > now,
                account.c.disabled_at.is_(None),
            )
        )
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        if now - (row.used_at or 0.0) > USED_EVERY_S:
            async with self.database.write() as connection:
                await connection.execute(sa.update(_TOKEN).where(_TOKEN.c.id == row.id).values(used_at=now))
        return Identity(
            role=lesser(row.role, row.token_role),
            via="token",
            name=row.name,
            account_id=row.account_id,
            token_name=row.token_name,
        )

    async def find(self, account_id: int) -> list[TokenInfo]:
        """The tokens of an account that still work, the newest first."""
        columns = [_TOKEN.c[name] for name in TokenInfo.__struct_fields__]
        query = sa.select(*columns).where(_TOKEN.c.account_id == account_id, _TOKEN.c.expires_at > self.clock.now())
        async with self.database.read() as connection:
            rows = plain_rows(await connection.execute(query.order_by(_TOKEN.c.id.desc())))
        return [msgspec.convert(row, TokenInfo) for row in rows]

    async def revoke(self, token_id: int, *, account_id: int, actor: str) -> None:
        """End a token of the account at once. Raises NotFoundError."""
        async with self.database.write() as connection:
            query = sa.delete(_TOKEN).where(_TOKEN.c.id == token_id, _TOKEN.c.account_id == account_id)
            name = (await connection.execute(query.returning(_TOKEN.c.name))).scalar()
            if name is None:
                raise NotFoundError("this token is revoked already", next_step="/account lists the tokens")
            await record(connection, at=self.clock.now(), actor=actor, action="token.revoked", subject=name)

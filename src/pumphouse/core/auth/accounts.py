# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Local accounts: made, changed and disabled by an administrator; the last administrator cannot be lost."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection

from pumphouse.core.auth import tables
from pumphouse.core.auth.audit import record
from pumphouse.core.auth.password import check_new_password, hash_password, verify_password
from pumphouse.core.auth.roles import ROLES
from pumphouse.core.clock import Clock
from pumphouse.core.config import Role
from pumphouse.core.db import Database, plain_rows
from pumphouse.core.errors import ConflictError, ForbiddenError, NotFoundError, UserError

_ACCOUNT = tables.account
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,59}")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account without its password hash. Times are seconds since the epoch."""

    id: int
    name: str
    role: Role
    has_password: bool
    created_at: float
    created_by: str
    disabled_at: float | None
    last_sign_in_at: float | None


_COLUMNS = [
    *(_ACCOUNT.c[name] for name in Account.__struct_fields__ if name != "has_password"),
    _ACCOUNT.c.password_hash.is_not(None).label("has_password"),
]


class Accounts:
    """The accounts of a site."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def find(self) -> list[Account]:
        """All accounts, by name."""
        async with self.database.read() as connection:
            rows = plain_rows(await connection.execute(sa.select(*_COLUMNS).order_by(_ACCOUNT.c.name)))
        return [_account(row) for row in rows]

    async def get(self, account_id: int) -> Account:
        """One account. Raises NotFoundError."""
        async with self.database.read() as connection:
            return await _load(connection, account_id)

    async def add(self, name: str, role: Role, *, actor: str) -> Account:
        """A new account, without a password: its owner comes by a sign-in link. Raises UserError, ConflictError."""
        if not _NAME.fullmatch(name):
            raise UserError(
                f"{name!r} cannot be a name",
                where="the name",
                why="letters, digits and . _ @ - may stand in it, at most 60, a letter or digit first",
                next_step="choose another, such as anne or anne@example.org",
            )
        now = self.clock.now()
        try:
            async with self.database.write() as connection:
                values = {"name": name, "role": _valid(role), "created_at": now, "created_by": actor}
                query = sa.insert(_ACCOUNT).values(**values).returning(_ACCOUNT.c.id)
                account_id = int((await connection.execute(query)).scalar_one())
                await record(connection, at=now, actor=actor, action="account.added", subject=name, role=role)
        except exc.IntegrityError as error:
            raise ConflictError(
                f"there is an account {name} already", where="the name", next_step="choose another, or change its role"
            ) from error
        return await self.get(account_id)

    async def set_role(self, account_id: int, role: Role, *, actor: str) -> None:
        """Change what somebody may do, at once. Raises ConflictError for the last administrator."""
        await self._change(account_id, {"role": _valid(role)}, action="role.changed", actor=actor, role=role)

    async def disable(self, account_id: int, *, actor: str) -> None:
        """End the account's sessions, tokens and links; it can be enabled. Raises ConflictError as `set_role` does."""
        ends = [
            sa.delete(table).where(table.c.account_id == account_id)
            for table in (tables.session, tables.sign_in_link, tables.api_token)
        ]
        values = {"disabled_at": self.clock.now()}
        await self._change(account_id, values, *ends, action="account.disabled", actor=actor)

    async def enable(self, account_id: int, *, actor: str) -> None:
        """Let a disabled account sign in again."""
        await self._change(account_id, {"disabled_at": None}, action="account.enabled", actor=actor)

    async def set_password(
        self, account_id: int, *, old: str, new: str, actor: str, keep_session: int | None = None
    ) -> None:
        """Set the password and end all other sessions. Raises ForbiddenError where `old` is not the present one."""
        async with self.database.read() as connection:
            account = await _load(connection, account_id)
            query = sa.select(_ACCOUNT.c.password_hash).where(_ACCOUNT.c.id == account_id)
            stored: str | None = (await connection.execute(query)).scalar()
        if stored is not None and not await verify_password(stored, old):
            raise ForbiddenError(
                "the present password is not right",
                where="the present password",
                next_step="try again, or ask an administrator for a sign-in link",
            )
        check_new_password(new, name=account.name)
        hashed = await hash_password(new)
        now = self.clock.now()
        session = tables.session
        async with self.database.write() as connection:
            await connection.execute(
                sa.update(_ACCOUNT).where(_ACCOUNT.c.id == account_id).values(password_hash=hashed)
            )
            await connection.execute(
                sa.delete(session).where(session.c.account_id == account_id, session.c.id != (keep_session or 0))
            )
            await record(connection, at=now, actor=actor, action="password.changed", subject=account.name)

    async def check_password(self, name: str, password: str) -> Account:
        """The account behind a name and password. Raises ForbiddenError, which tells nobody which of them was wrong."""
        query = sa.select(*_COLUMNS, _ACCOUNT.c.password_hash).where(_ACCOUNT.c.name == name)
        async with self.database.read() as connection:
            rows = plain_rows(await connection.execute(query))
        stored = rows[0].pop("password_hash") if rows else None
        right = await verify_password(stored, password)
        if not right or rows[0]["disabled_at"] is not None:
            raise ForbiddenError(
                "name and password do not belong together",
                where="the sign-in form",
                why="one of them is mistyped, or the account has no password or is disabled",
                next_step="try again, or ask an administrator for a sign-in link",
            )
        return _account(rows[0])

    async def _change(
        self, account_id: int, values: dict[str, Any], *more: sa.Delete, action: str, actor: str, **detail: str
    ) -> None:
        now = self.clock.now()
        async with self.database.write() as connection:
            before = await _load(connection, account_id)
            await connection.execute(sa.update(_ACCOUNT).where(_ACCOUNT.c.id == account_id).values(**values))
            left = sa.select(sa.func.count()).where(
                _ACCOUNT.c.role == "administrator", _ACCOUNT.c.disabled_at.is_(None)
            )
            if before.role == "administrator" and not (await connection.execute(left)).scalar():
                raise ConflictError(
                    f"{before.name} is the last administrator",
                    where=f"account {before.name}",
                    why="nobody could let people in any more",
                    next_step="make somebody else an administrator first",
                )
            for statement in more:
                await connection.execute(statement)
            await record(connection, at=now, actor=actor, action=action, subject=before.name, **detail)


def _valid(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise UserError(f"there is no role {role!r}", where="the role", next_step=f"take one of: {', '.join(ROLES)}")


async def _load(connection: AsyncConnection, account_id: int) -> Account:
    rows = plain_rows(await connection.execute(sa.select(*_COLUMNS).where(_ACCOUNT.c.id == account_id)))
    if not rows:
        raise NotFoundError(f"there is no account {account_id}", next_step="/people lists the accounts")
    return _account(rows[0])


def _account(row: dict[str, Any]) -> Account:
    return msgspec.convert(row | {"has_password": bool(row["has_password"])}, Account)

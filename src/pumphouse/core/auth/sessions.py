# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Sign-ins of browsers, kept here; the cookie holds only a random secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec
import sqlalchemy as sa

from pumphouse.core.auth import tables
from pumphouse.core.auth.audit import record
from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.secrets import hash_secret, new_secret
from pumphouse.core.clock import Clock
from pumphouse.core.db import Database, plain_rows
from pumphouse.core.errors import NotFoundError

SEEN_EVERY_S = 300.0

_SESSION = tables.session


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in as its owner sees it. Times are seconds since the epoch."""

    id: int
    created_at: float
    seen_at: float
    expires_at: float
    user_agent: str


class Sessions:
    """The sign-ins of a site."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def begin(
        self, account_id: int, *, name: str, days: int, user_agent: str, how: str, replaces: str = ""
    ) -> str:
        """A new session; returns its secret for the cookie. The session of the cookie `replaces` ends."""
        now = self.clock.now()
        secret = new_secret()
        async with self.database.write() as connection:
            await connection.execute(
                sa.delete(_SESSION).where(
                    sa.or_(_SESSION.c.expires_at < now, _SESSION.c.token_hash == hash_secret(replaces))
                )
            )
            await connection.execute(
                sa.insert(_SESSION).values(
                    token_hash=hash_secret(secret),
                    account_id=account_id,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + days * 86400,
                    user_agent=user_agent[:200],
                )
            )
            account = tables.account
            await connection.execute(sa.update(account).where(account.c.id == account_id).values(last_sign_in_at=now))
            await record(connection, at=now, actor=name, action="session.begun", subject=name, how=how)
        return secret

    async def identify(self, secret: str) -> Identity | None:
        """Who the cookie belongs to, None where it is unknown, expired, or the account disabled."""
        now = self.clock.now()
        account = tables.account
        query = (
            sa.select(
                _SESSION.c.id, _SESSION.c.seen_at, account.c.id.label("account_id"), account.c.name, account.c.role
            )
            .join(account, account.c.id == _SESSION.c.account_id)
            .where(
                _SESSION.c.token_hash == hash_secret(secret),
                _SESSION.c.expires_at > now,
                account.c.disabled_at.is_(None),
            )
        )
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        if now - row.seen_at > SEEN_EVERY_S:
            async with self.database.write() as connection:
                await connection.execute(sa.update(_SESSION).where(_SESSION.c.id == row.id).values(seen_at=now))
        return Identity(role=row.role, via="session", name=row.name, account_id=row.account_id, session_id=row.id)

    async def find(self, account_id: int) -> list[SessionInfo]:
        """The open sessions of an account, the last used first."""
        columns = [_SESSION.c[name] for name in SessionInfo.__struct_fields__]
        query = sa.select(*columns).where(_SESSION.c.account_id == account_id, _SESSION.c.expires_at > self.clock.now())
        async with self.database.read() as connection:
            rows = plain_rows(await connection.execute(query.order_by(_SESSION.c.seen_at.desc())))
        return [msgspec.convert(row, SessionInfo) for row in rows]

    async def end(self, session_id: int, *, account_id: int, actor: str) -> None:
        """End a session of the account. Raises NotFoundError."""
        async with self.database.write() as connection:
            result = await connection.execute(
                sa.delete(_SESSION).where(_SESSION.c.id == session_id, _SESSION.c.account_id == account_id)
            )
            if not result.rowcount:
                raise NotFoundError("this session has ended already", next_step="/account lists the open sessions")
            await record(
                connection, at=self.clock.now(), actor=actor, action="session.ended", subject=actor, id=session_id
            )


def csrf_token(session_secret: str) -> str:
    """A token that only somebody with the session's secret can make.

    Each one differs, so that the compressed length of a page tells nothing about it (BREACH, CVE-2013-3587).
    """
    salt = secrets.token_urlsafe(12)
    return f"{salt}.{_sign(session_secret, salt)}"


def is_csrf_token(token: str, session_secret: str) -> bool:
    """Whether `token` was made by `csrf_token` for this session."""
    salt, _, signature = token.partition(".")
    return hmac.compare_digest(signature.encode(), _sign(session_secret, salt).encode())


def _sign(session_secret: str, salt: str) -> str:
    return hmac.new(session_secret.encode(), f"csrf {salt}".encode(), hashlib.sha256).hexdigest()

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One-time sign-in links: for the first administrator, for new people, and for those who forgot their password."""

from __future__ import annotations

import sqlalchemy as sa

from pumphouse.core.auth import tables
from pumphouse.core.auth.accounts import Account, Accounts
from pumphouse.core.auth.audit import record
from pumphouse.core.auth.secrets import hash_secret, new_secret
from pumphouse.core.clock import Clock
from pumphouse.core.db import Database
from pumphouse.core.errors import ForbiddenError
from pumphouse.core.site import Site

_LINK = tables.sign_in_link
FIRST_ADMINISTRATOR = "administrator"


class Links:
    """The sign-in links of a site."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def create(self, account: Account, *, minutes: int, actor: str) -> str:
        """The path of a new link that signs `account` in once; older links of the account stop working."""
        now = self.clock.now()
        secret = new_secret()
        async with self.database.write() as connection:
            await connection.execute(sa.delete(_LINK).where(_LINK.c.account_id == account.id))
            await connection.execute(
                sa.insert(_LINK).values(
                    token_hash=hash_secret(secret), account_id=account.id, created_at=now, expires_at=now + minutes * 60
                )
            )
            await record(connection, at=now, actor=actor, action="link.created", subject=account.name, minutes=minutes)
        return f"/sign-in/link/{secret}"

    async def look(self, secret: str) -> Account:
        """Whom the link would sign in; it stays usable. Raises ForbiddenError where it is used, expired or unknown."""
        query = sa.select(_LINK.c.account_id).where(
            _LINK.c.token_hash == hash_secret(secret), _LINK.c.expires_at > self.clock.now()
        )
        async with self.database.read() as connection:
            account_id = (await connection.execute(query)).scalar()
        return await self._account(account_id)

    async def redeem(self, secret: str) -> Account:
        """Use the link up; returns whom it signs in. Raises ForbiddenError as `look` does."""
        query = (
            sa.delete(_LINK)
            .where(_LINK.c.token_hash == hash_secret(secret), _LINK.c.expires_at > self.clock.now())
            .returning(_LINK.c.account_id)
        )
        async with self.database.write() as connection:
            account_id = (await connection.execute(query)).scalar()
        return await self._account(account_id)

    async def _account(self, account_id: int | None) -> Account:
        if account_id is not None:
            account = await Accounts(self.database, self.clock).get(account_id)
            if account.disabled_at is None:
                return account
        raise ForbiddenError(
            "this sign-in link does not work any more",
            where="the link",
            why="each works once and for a limited time, and a newer link replaces it",
            next_step="ask an administrator for another, or on the site's machine: pumphouse people link NAME",
        )


async def first_administrator_link(site: Site, *, base_url: str) -> str | None:
    """The URL that makes its reader administrator, as long as no administrator has ever signed in, else None.

    Printed at the start of a site. The account is made where there is none.
    """
    accounts = Accounts(site.database, site.clock)
    administrators = [item for item in await accounts.find() if item.role == "administrator" and not item.disabled_at]
    if any(item.last_sign_in_at for item in administrators):
        return None
    actor = "the start of the site"
    account = (
        administrators[0] if administrators else await accounts.add(FIRST_ADMINISTRATOR, "administrator", actor=actor)
    )
    links = Links(site.database, site.clock)
    path = await links.create(account, minutes=site.settings.auth.sign_in_link_minutes, actor=actor)
    return (site.settings.web.base_url or base_url).rstrip("/") + path

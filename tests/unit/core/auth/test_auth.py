# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Accounts, sessions, links and tokens on a database of their own, with a clock that the test moves."""

import pytest
import sqlalchemy as sa

from pumphouse.core.auth import tables
from pumphouse.core.auth.accounts import Accounts
from pumphouse.core.auth.audit import read_audit
from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.links import Links, first_administrator_link
from pumphouse.core.auth.sessions import Sessions, csrf_token, is_csrf_token
from pumphouse.core.auth.tokens import Tokens
from pumphouse.core.clock import SettableClock
from pumphouse.core.db import metadata
from pumphouse.core.errors import ConflictError, ForbiddenError, NotFoundError, UserError
from pumphouse.core.site import Site

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

PASSWORD = "four words that differ"


@pytest.fixture
async def site(site_root):
    site = Site(site_root, clock=SettableClock())
    async with site.database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield site
    await site.close()


@pytest.fixture
def accounts(site):
    return Accounts(site.database, site.clock)


@pytest.fixture
def sessions(site):
    return Sessions(site.database, site.clock)


@pytest.fixture
def links(site):
    return Links(site.database, site.clock)


@pytest.fixture
def tokens(site):
    return Tokens(site.database, site.clock)


@pytest.fixture
async def anne(accounts):
    return await accounts.add("anne", "operator", actor="test")


async def begin(sessions, account, **more):
    return await sessions.begin(account.id, name=account.name, days=1, user_agent="a", how="link", **more)


async def everything_stored(site):
    async with site.database.read() as connection:
        rows = [row for table in metadata.sorted_tables for row in await connection.execute(sa.select(table))]
    return repr(rows)


async def test_a_name_is_taken_once_and_must_be_a_name(accounts, anne):
    assert (anne.role, anne.has_password, anne.created_by) == ("operator", False, "test")
    with pytest.raises(ConflictError, match="there is an account anne already"):
        await accounts.add("anne", "viewer", actor="test")
    for name in ("", "-x", "a b", "x" * 61, "<b>"):
        with pytest.raises(UserError, match="cannot be a name"):
            await accounts.add(name, "viewer", actor="test")
    with pytest.raises(UserError, match="no role"):
        await accounts.add("bert", "king", actor="test")


async def test_a_password_lets_in_and_nothing_tells_which_part_was_wrong(accounts, anne):
    await accounts.set_password(anne.id, old="", new=PASSWORD, actor="anne")
    assert (await accounts.check_password("anne", PASSWORD)).id == anne.id
    told = set()
    for name, password in (("anne", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(ForbiddenError) as caught:
            await accounts.check_password(name, password)
        told.add(str(caught.value))
    assert len(told) == 1


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(accounts, sessions, anne):
    here, elsewhere = await begin(sessions, anne), await begin(sessions, anne)
    identity = await sessions.identify(here)
    await accounts.set_password(anne.id, old="", new=PASSWORD, actor="anne", keep_session=identity.session_id)
    assert await sessions.identify(elsewhere) is None
    assert await sessions.identify(here) == identity
    with pytest.raises(ForbiddenError, match="present password is not right"):
        await accounts.set_password(anne.id, old="wrong", new="another four words here", actor="anne")


async def test_the_last_administrator_cannot_be_lost(accounts, anne):
    boss = await accounts.add("boss", "administrator", actor="test")
    for change in (accounts.disable(boss.id, actor="x"), accounts.set_role(boss.id, "viewer", actor="x")):
        with pytest.raises(ConflictError, match="boss is the last administrator"):
            await change
    await accounts.set_role(anne.id, "administrator", actor="boss")
    await accounts.disable(boss.id, actor="anne")
    assert {item.name: item.disabled_at is None for item in await accounts.find()} == {"anne": True, "boss": False}


async def test_a_session_ends_with_its_time_with_a_sign_out_and_with_the_account(accounts, sessions, site, anne):
    first = await begin(sessions, anne)
    assert (await sessions.identify(first)).role == "operator"
    second = await begin(sessions, anne, replaces=first)
    assert await sessions.identify(first) is None
    found = await sessions.identify(second)
    await accounts.set_role(anne.id, "viewer", actor="test")
    assert (await sessions.identify(second)).role == "viewer"
    await sessions.end(found.session_id, account_id=anne.id, actor="anne")
    assert await sessions.identify(second) is None
    with pytest.raises(NotFoundError):
        await sessions.end(found.session_id, account_id=anne.id, actor="anne")
    third = await begin(sessions, anne)
    site.clock.move(86399)
    assert await sessions.identify(third) is not None
    site.clock.move(2)
    assert await sessions.identify(third) is None
    fourth = await begin(sessions, anne)
    await accounts.disable(anne.id, actor="test")
    assert await sessions.identify(fourth) is None


async def test_nobody_ends_the_session_of_somebody_else(accounts, sessions, anne):
    bert = await accounts.add("bert", "viewer", actor="test")
    found = await sessions.identify(await begin(sessions, bert))
    with pytest.raises(NotFoundError):
        await sessions.end(found.session_id, account_id=anne.id, actor="anne")


async def test_a_link_works_once_within_its_time_and_a_newer_one_replaces_it(links, site, anne):
    path = await links.create(anne, minutes=60, actor="test")
    secret = path.rpartition("/")[2]
    assert (await links.look(secret)).name == "anne"
    assert (await links.redeem(secret)).name == "anne"
    for use in (links.look(secret), links.redeem(secret)):
        with pytest.raises(ForbiddenError, match="does not work any more"):
            await use
    old = (await links.create(anne, minutes=60, actor="test")).rpartition("/")[2]
    new = (await links.create(anne, minutes=60, actor="test")).rpartition("/")[2]
    with pytest.raises(ForbiddenError):
        await links.redeem(old)
    site.clock.move(3601)
    with pytest.raises(ForbiddenError):
        await links.redeem(new)


async def test_a_link_of_a_disabled_account_does_not_work(accounts, links, anne):
    secret = (await links.create(anne, minutes=60, actor="test")).rpartition("/")[2]
    await accounts.disable(anne.id, actor="test")
    with pytest.raises(ForbiddenError):
        await links.redeem(secret)


async def test_each_start_prints_a_link_until_an_administrator_has_come(accounts, links, sessions, site):
    first = await first_administrator_link(site, base_url="http://127.0.0.1:8420")
    second = await first_administrator_link(site, base_url="http://127.0.0.1:8420")
    assert first.startswith("http://127.0.0.1:8420/sign-in/link/")
    assert first != second
    assert [item.name for item in await accounts.find()] == ["administrator"]
    await begin(sessions, await links.redeem(second.rpartition("/")[2]))
    assert await first_administrator_link(site, base_url="http://127.0.0.1:8420") is None


async def test_a_token_allows_no_more_than_its_role_and_its_owners(accounts, tokens, site, anne):
    owner = Identity(role="operator", via="session", name="anne", account_id=anne.id, session_id=1)
    secret = await tokens.create(owner, name="backup", role="operator", days=30)
    found = await tokens.identify(secret)
    assert (found.role, found.actor, found.via) == ("operator", "anne (token backup)", "token")
    await accounts.set_role(anne.id, "viewer", actor="test")
    assert (await tokens.identify(secret)).role == "viewer"
    with pytest.raises(ForbiddenError, match="more than you may do"):
        await tokens.create(owner, name="x", role="administrator", days=1)
    site.clock.move(31 * 86400)
    assert await tokens.identify(secret) is None


async def test_a_revoked_token_is_worth_nothing(tokens, anne):
    owner = Identity(role="operator", via="session", name="anne", account_id=anne.id, session_id=1)
    secret = await tokens.create(owner, name="backup", role="viewer", days=1)
    (info,) = await tokens.find(anne.id)
    with pytest.raises(NotFoundError):
        await tokens.revoke(info.id, account_id=anne.id + 1, actor="bert")
    await tokens.revoke(info.id, account_id=anne.id, actor="anne")
    assert await tokens.identify(secret) is None
    assert await tokens.find(anne.id) == []


@pytest.mark.parametrize(("name", "days"), [("", 1), ("x" * 31, 1), ("a\nb", 1), ("ok", 0), ("ok", 367)])
async def test_a_token_needs_a_name_and_an_end(tokens, anne, name, days):
    owner = Identity(role="operator", via="session", name="anne", account_id=anne.id, session_id=1)
    with pytest.raises(UserError):
        await tokens.create(owner, name=name, role="viewer", days=days)


async def test_no_secret_is_stored_and_every_act_is_in_the_audit_log(accounts, sessions, links, tokens, site, anne):
    session = await begin(sessions, anne)
    link = (await links.create(anne, minutes=60, actor="boss")).rpartition("/")[2]
    owner = Identity(role="operator", via="session", name="anne", account_id=anne.id, session_id=1)
    token = await tokens.create(owner, name="backup", role="viewer", days=1)
    await accounts.set_password(anne.id, old="", new=PASSWORD, actor="anne", keep_session=1)
    stored = await everything_stored(site)
    assert not [secret for secret in (session, link, token, PASSWORD) if secret in stored]
    acts = [entry.action for entry in await read_audit(site.database)]
    assert acts == ["password.changed", "token.created", "link.created", "session.begun", "account.added"]
    newest = (await read_audit(site.database, limit=1))[0]
    assert [entry.action for entry in await read_audit(site.database, before=newest.id, limit=2)] == acts[1:3]


async def test_a_refused_change_leaves_no_trace_in_the_audit_log(accounts, site):
    boss = await accounts.add("boss", "administrator", actor="test")
    with pytest.raises(ConflictError):
        await accounts.disable(boss.id, actor="boss")
    assert [entry.action for entry in await read_audit(site.database)] == ["account.added"]
    async with site.database.read() as connection:
        assert (await connection.execute(sa.select(tables.account.c.disabled_at))).scalar() is None


async def test_a_csrf_token_belongs_to_one_session_and_differs_each_time():
    first, second = csrf_token("secret"), csrf_token("secret")
    assert first != second
    assert is_csrf_token(first, "secret")
    assert is_csrf_token(second, "secret")
    for token, secret in ((first, "other"), ("", "secret"), (".", "secret"), (first[:-1] + "é", "secret")):
        assert not is_csrf_token(token, secret)

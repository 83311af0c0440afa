# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A site with the demonstration part, its application, and people to ask in the name of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import httpx
import pytest

from pumphouse.core.auth.sessions import csrf_token
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.core.web.app import create_app

ORIGIN = "http://127.0.0.1:8420"


@dataclass
class Person:
    """Somebody who has signed in, or nobody: what their browser sends with each request."""

    name: str
    account_id: int = 0
    secret: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def settings():
    """What stands in pumphouse.toml beside the defaults; a test gives its own by parametrizing it."""
    return ""


@pytest.fixture
async def site(site_root, demo_part, settings):
    (site_root / "pumphouse.toml").write_text(settings)
    site = Site(site_root)
    await upgrade_schema(site.database)
    yield site
    await site.close()


@pytest.fixture
def app(site):
    import pumphouse_demo_web

    return create_app(site, [replace(pumphouse_demo_web.pages(), cards=pumphouse_demo_web.cards)])


@pytest.fixture
def web(app):
    return app.state["web"]


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app)
    headers = {"accept": "application/json"}
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


@pytest.fixture
def person(web):
    """A function that makes somebody with a role, signed in; "nobody" and "anonymous" have no session."""

    async def make(role, name=""):
        if role in {"nobody", "anonymous"}:
            return Person(role)
        account = await web.accounts.add(name or f"some-{role}", role, actor="test")
        secret = await web.sessions.begin(account.id, name=account.name, days=1, user_agent="test", how="test")
        headers = {"cookie": f"pumphouse={secret}", "x-csrf-token": csrf_token(secret), "origin": ORIGIN}
        return Person(account.name, account.id, secret, headers)

    return make


@pytest.fixture
def claimed(site):
    """A function that makes a running run, executed by this process."""

    async def make(kind="demo.count", title="count", params=None):
        return await site.runs.create_claimed(
            kind=kind, title=title, params=params or {}, actor="test", owner=Owner.current(), lease_s=600
        )

    return make

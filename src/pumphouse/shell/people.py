# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse people`: what the people page does, for the account that may write the site's database.

It is the way back in when nobody can sign in any more.
"""

from __future__ import annotations

from cyclopts import App

from pumphouse.core.auth.accounts import Account, Accounts
from pumphouse.core.auth.links import Links
from pumphouse.core.config import Role
from pumphouse.core.errors import NotFoundError
from pumphouse.core.jobs.foreground import actor
from pumphouse.core.site import Site
from pumphouse.core.terminal import JsonOption, SiteOption, print_json, print_lines, say, with_site

app = App(name="people", help="List and add people, and make sign-in links.")


@app.command(name="list")
def list_people(*, site: SiteOption = None, json: JsonOption = False) -> int:
    """List the accounts.

    Example: pumphouse people list
    """

    async def work(opened: Site) -> int:
        found = await Accounts(opened.database, opened.clock).find()
        if json:
            print_json(found)
        elif found:
            print_lines([f"{item.name:<24} {item.role:<14} {_state(item)}" for item in found])
        else:
            say("nobody yet; `pumphouse up` prints a link for the first administrator")
        return 0

    return with_site(site, work)


@app.command
def add(name: str, *, role: Role = "viewer", site: SiteOption = None, json: JsonOption = False) -> int:
    """Add somebody, and print a link that signs them in once.

    Example: pumphouse people add anne --role operator
    """

    async def work(opened: Site) -> int:
        account = await Accounts(opened.database, opened.clock).add(name, role, actor=actor())
        return await _print_link(opened, account, as_json=json)

    return with_site(site, work)


@app.command
def link(name: str, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Print a link that signs somebody in once, for who forgot their password.

    Example: pumphouse people link anne
    """

    async def work(opened: Site) -> int:
        for account in await Accounts(opened.database, opened.clock).find():
            if account.name == name:
                return await _print_link(opened, account, as_json=json)
        raise NotFoundError(f"there is no account {name!r}", next_step="pumphouse people list shows the accounts")

    return with_site(site, work)


async def _print_link(site: Site, account: Account, *, as_json: bool) -> int:
    web, minutes = site.settings.web, site.settings.auth.sign_in_link_minutes
    path = await Links(site.database, site.clock).create(account, minutes=minutes, actor=actor())
    url = (web.base_url or f"http://{web.host}:{web.port}").rstrip("/") + path
    if as_json:
        print_json({"name": account.name, "role": account.role, "url": url, "minutes": minutes})
    else:
        say(f"signs {account.name} in as {account.role}, once, within {minutes} min:")
        print_lines([url])
    return 0


def _state(account: Account) -> str:
    if account.disabled_at is not None:
        return "disabled"
    return "has signed in" if account.last_sign_in_at is not None else "has not signed in yet"

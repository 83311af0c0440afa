# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""People and the audit log, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from pumphouse.core.auth.accounts import Account
from pumphouse.core.auth.audit import read_audit
from pumphouse.core.auth.roles import ROLES
from pumphouse.core.config import Role
from pumphouse.core.errors import ErrorText, UserError
from pumphouse.core.web.access import identity_of
from pumphouse.core.web.render import page, see_other
from pumphouse.core.web.runs import MAX_ID, RunId
from pumphouse.core.web.table import PAGE_ROWS, Column, view_table
from pumphouse.core.web.web import base_url, web_of

OPT = {"role": "administrator"}

PEOPLE: list[Column[Account]] = [
    Column("name", "Name", lambda account: account.name),
    Column("role", "Role", lambda account: account.role),
    Column("seen", "Last sign-in", lambda account: account.last_sign_in_at),
    Column("state", "State", lambda account: "disabled" if account.disabled_at else "active"),
]


class PersonForm(msgspec.Struct, frozen=True):
    """The form for a new account."""

    name: str
    role: Role


class RoleForm(msgspec.Struct, frozen=True):
    """The form that changes a role."""

    role: Role


@get("/people", opt=OPT, include_in_schema=False)
async def show_people(request: Request[Any, Any, Any]) -> Response[str]:
    """The accounts."""
    return await _people_page(request)


async def _people_page(
    request: Request[Any, Any, Any],
    *,
    link: str = "",
    link_for: str = "",
    error: ErrorText | None = None,
    status: int = 200,
) -> Response[str]:
    web = web_of(request)
    people = await web.accounts.find()
    return page(
        request,
        "people.html",
        status=status,
        people=view_table("people", PEOPLE, people, dict(request.query_params)),
        active=sum(account.disabled_at is None for account in people),
        administrators=sum(a.disabled_at is None and a.role == "administrator" for a in people),
        roles=[role for role in ROLES if role != "nobody"],
        anonymous_role=web.site.settings.auth.anonymous_role,
        link=link,
        link_for=link_for,
        link_minutes=web.site.settings.auth.sign_in_link_minutes,
        error=error,
    )


@post("/people", opt=OPT, include_in_schema=False)
async def add_person(
    request: Request[Any, Any, Any], data: Annotated[PersonForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[str]:
    """Add an account, and show its first sign-in link this once."""
    try:
        account = await web_of(request).accounts.add(data.name, data.role, actor=identity_of(request).actor)
    except UserError as error:
        return await _people_page(request, error=error.text, status=error.status_code)
    return await _page_with_link(request, account)


@post("/people/{account_id:int}/link", opt=OPT, include_in_schema=False)
async def make_link(request: Request[Any, Any, Any], account_id: RunId) -> Response[str]:
    """Make a sign-in link for somebody, and show it this once."""
    return await _page_with_link(request, await web_of(request).accounts.get(account_id))


async def _page_with_link(request: Request[Any, Any, Any], account: Account) -> Response[str]:
    web = web_of(request)
    settings = web.site.settings
    path = await web.links.create(account, minutes=settings.auth.sign_in_link_minutes, actor=identity_of(request).actor)
    return await _people_page(request, link=base_url(request) + path, link_for=account.name)


@post("/people/{account_id:int}/role", opt=OPT, include_in_schema=False)
async def set_role(
    request: Request[Any, Any, Any],
    account_id: RunId,
    data: Annotated[RoleForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Change somebody's role."""
    await web_of(request).accounts.set_role(account_id, data.role, actor=identity_of(request).actor)
    return see_other("/people")


@post("/people/{account_id:int}/disable", opt=OPT, include_in_schema=False)
async def disable(request: Request[Any, Any, Any], account_id: RunId) -> Response[str]:
    """Shut somebody out at once."""
    await web_of(request).accounts.disable(account_id, actor=identity_of(request).actor)
    return see_other("/people")


@post("/people/{account_id:int}/enable", opt=OPT, include_in_schema=False)
async def enable(request: Request[Any, Any, Any], account_id: RunId) -> Response[str]:
    """Let somebody in again."""
    await web_of(request).accounts.enable(account_id, actor=identity_of(request).actor)
    return see_other("/people")


@get("/audit", opt=OPT, include_in_schema=False)
async def show_audit(request: Request[Any, Any, Any]) -> Response[str]:
    """The audit log, newest first."""
    before = request.query_params.get("before", "")
    found = await read_audit(
        web_of(request).site.database,
        before=int(before) if before.isdecimal() and int(before) <= MAX_ID else None,
        limit=PAGE_ROWS + 1,
    )
    shown = found[:PAGE_ROWS]
    older = f"/audit?before={shown[-1].id}" if len(found) > PAGE_ROWS else ""
    return page(request, "audit.html", entries=shown, older=older, is_newest=not before)


HANDLERS = [show_people, add_person, make_link, set_role, disable, enable, show_audit]

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One's own account: password, open sessions, API tokens."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.roles import ROLES, covers
from pumphouse.core.config import Role
from pumphouse.core.errors import ErrorText, ForbiddenError, UserError
from pumphouse.core.web.access import SignInNeededError, identity_of
from pumphouse.core.web.rate import Rate
from pumphouse.core.web.render import page, see_other
from pumphouse.core.web.runs import RunId
from pumphouse.core.web.web import web_of

DONE = {"password": "The password is set. Your other sessions have ended."}
PASSWORDS = Rate("password", 10, 300)


class PasswordForm(msgspec.Struct, frozen=True):
    """The password form."""

    new: str
    old: str = ""


class TokenForm(msgspec.Struct, frozen=True):
    """The form for a new token."""

    name: str
    role: Role
    days: int


def own_account(request: Request[Any, Any, Any]) -> tuple[Identity, int]:
    """Who has signed in here, with their account. Raises SignInNeededError, and ForbiddenError for a token."""
    identity = identity_of(request)
    if identity.account_id is None:
        raise SignInNeededError("this needs a sign-in", where=request.url.path, next_step="sign in")
    if identity.via != "session":
        raise ForbiddenError(
            "a token cannot change the account that it acts for", where=request.url.path, next_step="sign in"
        )
    return identity, identity.account_id


@get("/account", opt={"role": "nobody"}, include_in_schema=False)
async def show_account(request: Request[Any, Any, Any]) -> Response[str]:
    """The account page."""
    return await _account_page(request, notice=DONE.get(request.query_params.get("done", ""), ""))


async def _account_page(
    request: Request[Any, Any, Any],
    *,
    notice: str = "",
    new_token: str = "",
    error: ErrorText | None = None,
    failed: str = "",
    status: int = 200,
) -> Response[str]:
    web = web_of(request)
    identity, account_id = own_account(request)
    return page(
        request,
        "account.html",
        status=status,
        account=await web.accounts.get(account_id),
        sessions=await web.sessions.find(account_id),
        tokens=await web.tokens.find(account_id),
        roles=[role for role in ROLES if role != "nobody" and covers(identity.role, role)],
        notice=notice,
        new_token=new_token,
        error=error,
        failed=failed,
    )


@post("/account/password", opt={"role": "nobody", "rate": PASSWORDS}, include_in_schema=False)
async def set_password(
    request: Request[Any, Any, Any], data: Annotated[PasswordForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """Set one's own password."""
    identity, account_id = own_account(request)
    try:
        await web_of(request).accounts.set_password(
            account_id, old=data.old, new=data.new, actor=identity.actor, keep_session=identity.session_id
        )
    except UserError as error:
        return await _account_page(request, error=error.text, failed="password", status=error.status_code)
    return see_other("/account?done=password")


@post("/account/tokens", opt={"role": "viewer"}, include_in_schema=False)
async def create_token(
    request: Request[Any, Any, Any], data: Annotated[TokenForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[str]:
    """Make a token, and show it this once."""
    identity, _ = own_account(request)
    try:
        secret = await web_of(request).tokens.create(identity, name=data.name, role=data.role, days=data.days)
    except UserError as error:
        return await _account_page(request, error=error.text, failed="token", status=error.status_code)
    return await _account_page(request, new_token=secret)


@post("/account/tokens/{token_id:int}/revoke", opt={"role": "nobody"}, include_in_schema=False)
async def revoke_token(request: Request[Any, Any, Any], token_id: RunId) -> Response[str]:
    """End a token of one's own."""
    identity, account_id = own_account(request)
    await web_of(request).tokens.revoke(token_id, account_id=account_id, actor=identity.actor)
    return see_other("/account#tokens")


@post("/account/sessions/{session_id:int}/end", opt={"role": "nobody"}, include_in_schema=False)
async def end_session(request: Request[Any, Any, Any], session_id: RunId) -> Response[str]:
    """End a session of one's own."""
    identity, account_id = own_account(request)
    await web_of(request).sessions.end(session_id, account_id=account_id, actor=identity.actor)
    return see_other("/account#sessions")


HANDLERS = [show_account, set_password, create_token, revoke_token, end_session]

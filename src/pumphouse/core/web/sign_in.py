# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Signing in by password or by a one-time link, and signing out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from pumphouse.core.auth.accounts import Account
from pumphouse.core.errors import ForbiddenError
from pumphouse.core.web.access import identity_of
from pumphouse.core.web.rate import Rate
from pumphouse.core.web.render import page, see_other
from pumphouse.core.web.web import Web, web_of

BY_ADDRESS = Rate("sign-in", 10, 60)
BY_NAME = Rate("sign-in name", 20, 900)  # from all addresses together
OPT = {"role": "nobody", "rate": BY_ADDRESS}


class SignInForm(msgspec.Struct, frozen=True):
    """The sign-in form."""

    name: str
    password: str
    next: str = "/"


@get("/sign-in", opt={"role": "nobody"}, include_in_schema=False)
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[str]:
    """The sign-in form."""
    return page(request, "sign_in.html", next=own_path(request.query_params.get("next", "/")), error=None, name="")


@post("/sign-in", opt=OPT, include_in_schema=False)
async def sign_in(
    request: Request[Any, Any, Any], data: Annotated[SignInForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """Sign in by name and password."""
    web = web_of(request)
    web.limiter.take(BY_NAME, data.name.lower()[:60])
    following = own_path(data.next)
    try:
        account = await web.accounts.check_password(data.name, data.password)
    except ForbiddenError as error:
        return page(request, "sign_in.html", status=403, next=following, error=error.text, name=data.name)
    return await begin_session(request, web, account, how="password", following=following)


@get("/sign-in/link/{secret:str}", opt=OPT, include_in_schema=False)
async def show_link(request: Request[Any, Any, Any], secret: FromPath[str]) -> Response[str]:
    """Ask before the link is used up: programs that look at links in mails must not use it."""
    account = await web_of(request).links.look(secret)
    return page(request, "sign_in_link.html", account=account, link=request.url.path)


@post("/sign-in/link/{secret:str}", opt=OPT, include_in_schema=False)
async def use_link(request: Request[Any, Any, Any], secret: FromPath[str]) -> Response[Any]:
    """Sign in by the link, which is used up."""
    web = web_of(request)
    account = await web.links.redeem(secret)
    following = "/" if account.has_password else "/account"
    return await begin_session(request, web, account, how="link", following=following)


@post("/sign-out", opt={"role": "nobody"}, include_in_schema=False)
async def sign_out(request: Request[Any, Any, Any]) -> Response[str]:
    """End this session."""
    web, identity = web_of(request), identity_of(request)
    if identity.session_id is not None and identity.account_id is not None:
        await web.sessions.end(identity.session_id, account_id=identity.account_id, actor=identity.actor)
    response = see_other("/")
    response.set_cookie(session_cookie(web, "", max_age=0))
    return response


async def begin_session(
    request: Request[Any, Any, Any], web: Web, account: Account, *, how: str, following: str
) -> Response[Any]:
    """The answer that signs the browser in. An older session of the same browser ends."""
    days = web.site.settings.auth.session_days
    secret = await web.sessions.begin(
        account.id,
        name=account.name,
        days=days,
        user_agent=request.headers.get("user-agent", ""),
        how=how,
        replaces=request.cookies.get(web.cookie, ""),
    )
    response = see_other(following)
    response.set_cookie(session_cookie(web, secret, max_age=days * 86400))
    return response


def session_cookie(web: Web, secret: str, *, max_age: int) -> Cookie:
    """The session's cookie: not for scripts, not for other sites' forms, only encrypted where the site is."""
    return Cookie(
        key=web.cookie, value=secret, max_age=max_age, path="/", httponly=True, samesite="lax", secure=web.is_https
    )


def own_path(path: str) -> str:
    """`path` where it is one of this site, else the home page: a link must not lead away after the sign-in."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"


HANDLERS = [show_sign_in, sign_in, show_link, use_link, sign_out]

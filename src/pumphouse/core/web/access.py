# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Who may call a handler: identity, role, origin, CSRF token, rate.

Each handler says in its `opt` what it needs:

role    the least role ("nobody" is public). A handler that does not say is closed to everybody.
rate    a Rate, for what must not be tried often.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from functools import cache
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.sessions import is_csrf_token
from pumphouse.core.config import Role
from pumphouse.core.errors import ForbiddenError, UserError
from pumphouse.core.web.rate import Rate
from pumphouse.core.web.web import Connection, Web, web_of

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
WRITES = Rate("writes", 120, 60)


class SignInNeededError(ForbiddenError):
    """Nobody has signed in, and what was asked for needs somebody who has."""

    status_code = 401


class Identify(ASGIMiddleware):
    """Puts who asks into the connection's state, and counts and times what is answered."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Identify, then go on."""
        connection: Connection = ASGIConnection(scope)
        web = web_of(connection)
        check_host(connection, web)
        connection.state.identity = await identify(connection, web)
        if scope["type"] == ScopeType.WEBSOCKET:
            await next_app(scope, receive, send)
            return
        route, method = scope.get("path_template") or "none", scope["method"]
        started = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                web.metrics.requests.labels(method=method, route=route, status=message["status"]).inc()
                web.metrics.request_seconds.labels(route=route).observe(time.perf_counter() - started)
            await send(message)

        await next_app(scope, receive, counted)


async def identify(connection: Connection, web: Web) -> Identity:
    """Who asks: by API token, by session cookie, else nobody. Raises SignInNeededError for a wrong token."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if found := await web.tokens.identify(secret.strip()):
            return found
        raise SignInNeededError(
            "the API token is not valid",
            where="the Authorization header",
            why="it is unknown, expired or revoked",
            next_step="make another on /account",
        )
    if (cookie := connection.cookies.get(web.cookie)) and (found := await web.sessions.identify(cookie)):
        return found
    return Identity(role=web.site.settings.auth.anonymous_role)


def identity_of(connection: Connection) -> Identity:
    """Who asks. Nobody at all where the request was refused before they were identified."""
    found: Identity = connection.state.get("identity") or Identity(role="nobody")
    return found


def check_host(connection: Connection, web: Web) -> None:
    """Raise UserError where the site is called by a name that it does not know.

    A page of a stranger whose name was made to resolve to this machine (DNS rebinding) has the same origin as the site
    as far as a browser can tell; addresses and known names cannot be rebound.
    """
    name = (urlsplit(f"//{connection.headers.get('host', '')}").hostname or "").lower()
    settings = web.site.settings.web
    known = {"localhost", settings.host, urlsplit(settings.base_url).hostname, _machine()}
    if name not in known and not _is_address(name):
        raise UserError(
            f"this site does not know the name {name or 'that it was called by'!r}",
            where="the Host header",
            why="only known names are answered, so that no stranger's name can be made to point here",
            next_step='name it in pumphouse.toml: [web] base_url = "https://NAME"',
        )


@cache
def _machine() -> str:
    return socket.gethostname().lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def require_role(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: the role that the handler names. Raises SignInNeededError, ForbiddenError."""
    if connection.scope.get("method") == "OPTIONS":
        return
    needed: Role = handler.opt.get("role", "administrator")
    identity = identity_of(connection)
    if "role" in handler.opt and identity.may(needed):
        return
    if identity.via == "nobody":
        raise SignInNeededError(
            f"this needs somebody who may do what an {needed} does" if needed != "viewer" else "this needs a sign-in",
            where=connection.url.path,
            why="you have not signed in",
            next_step="sign in, or send an API token",
        )
    raise ForbiddenError(
        f"this needs the role {needed}",
        where=connection.url.path,
        why=f"{identity.actor} has the role {identity.role}",
        next_step="ask an administrator",
    )


async def require_same_origin(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Guard: what changes something, and the live feed, is asked for by a page of this site or by no page at all.

    A browser names the page's origin; a session must prove itself by the CSRF token as well. Raises ForbiddenError.
    """
    is_socket = connection.scope["type"] == ScopeType.WEBSOCKET
    if not is_socket and connection.scope.get("method") in SAFE_METHODS:
        return
    identity = identity_of(connection)
    if identity.via == "token":
        return
    origin = connection.headers.get("origin")
    site = connection.headers.get("sec-fetch-site", "none")
    same = site in {"same-origin", "none"} if origin is None else _is_own(origin, connection)
    if not same:
        raise ForbiddenError(
            "a page of another site asked for this",
            where=f"origin {origin or site}",
            why="only pages of this site may change something in your name",
            next_step="open the page here and press the button there",
        )
    if not is_socket and identity.via == "session":
        await _require_csrf_token(connection)


def _is_own(origin: str, connection: Connection) -> bool:
    base_url = urlsplit(web_of(connection).site.settings.web.base_url)
    own = {connection.headers.get("host", "").lower(), base_url.netloc.lower()} - {""}
    return urlsplit(origin).netloc.lower() in own


async def _require_csrf_token(connection: Connection) -> None:
    token = connection.headers.get("x-csrf-token", "")
    if not token and isinstance(connection, Request):
        kind = connection.headers.get("content-type", "").partition(";")[0]
        if kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            token = str((await connection.form()).get("csrf", ""))
    if not is_csrf_token(token, connection.cookies.get(web_of(connection).cookie, "")):
        raise ForbiddenError(
            "the form is from before your last sign-in",
            where="the CSRF token",
            why="a token in the form, or in the header X-CSRF-Token, ties each change to your session",
            next_step="open the page again and repeat it",
        )


def require_rate(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: the rate that the handler names, and one for everything that changes something. Raises TooManyError."""
    if connection.scope.get("method") in SAFE_METHODS and "rate" not in handler.opt:
        return
    address = connection.client.host if connection.client else ""
    limiter = web_of(connection).limiter
    limiter.take(handler.opt.get("rate", WRITES), address)

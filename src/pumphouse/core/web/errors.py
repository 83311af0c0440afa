# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Errors as pages and as problem+json (RFC 9457), with the same four sentences."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from pumphouse.core.errors import ErrorText, PumphouseError
from pumphouse.core.log import get_logger
from pumphouse.core.web.access import SignInNeededError
from pumphouse.core.web.rate import TooManyError
from pumphouse.core.web.render import page, see_other

PROBLEM = "application/problem+json"

_log = get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error for a program. `title` says what, the others where, why and the next step; `kind` is user or infra."""

    title: str
    status: int
    kind: str
    where: str = ""
    why: str = ""
    next_step: str = ""
    type: str = "about:blank"


def tell_error(request: Request[Any, Any, Any], error: PumphouseError) -> Response[Any]:
    """The answer for an error that is told to a person."""
    if isinstance(error, SignInNeededError) and request.method == "GET" and not wants_json(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return see_other(f"/sign-in?{urlencode({'next': request.url.path + query})}")
    headers = {}
    if isinstance(error, TooManyError):
        headers["retry-after"] = str(error.wait_s)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return _respond(request, error.status_code, error.text, headers)


def tell_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The answer for what the framework refuses: no such page, a wrong method, values that are not valid."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return tell_bug(request, error)
    if status == HTTPStatus.NOT_FOUND:
        text = ErrorText(
            what="there is no such page", where=request.url.path, next_step="begin at the home page: /", kind="user"
        )
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        text = ErrorText(
            what=f"{request.method} cannot be done here", where=request.url.path, next_step="see /api", kind="user"
        )
    else:
        text = ErrorText(
            what="the request cannot be read",
            where=request.url.path,
            why=_reasons(error),
            next_step="see /api for what is taken here",
            kind="user",
        )
    return _respond(request, status, text, dict(error.headers or {}))


def tell_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The answer for anything else: a bug, whose traceback goes to the log and not to the page."""
    _log.error("a bug in Pumphouse", path=request.url.path, method=request.method, exc_info=error)
    text = ErrorText(
        what=f"a bug in Pumphouse: {type(error).__name__}",
        where=request.url.path,
        why="the site's log has the traceback",
        next_step="report it with that traceback",
        kind="bug",
    )
    return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, text, {})


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """Whether a program asks."""
    path, accept = request.url.path, request.headers.get("accept", "")
    return path.startswith(("/api/", "/healthz", "/metrics")) or ("json" in accept and "text/html" not in accept)


def _respond(request: Request[Any, Any, Any], status: int, text: ErrorText, headers: dict[str, str]) -> Response[Any]:
    if wants_json(request):
        problem = Problem(
            title=text.what, status=status, kind=text.kind, where=text.where, why=text.why, next_step=text.next_step
        )
        return Response(msgspec.json.encode(problem), status_code=status, media_type=PROBLEM, headers=headers)
    return page(request, "error.html", status=status, headers=headers, error=text, http_status=HTTPStatus(status))


def _reasons(error: HTTPException) -> str:
    extra = error.extra if isinstance(error.extra, list) else []
    reasons = [f"{item.get('key', '')}: {item.get('message', '')}".strip(": ") for item in extra if item]
    return "; ".join(reasons) or error.detail

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pages from templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.enums import MediaType
from markupsafe import Markup

from pumphouse import __version__
from pumphouse.core.auth.identity import Identity
from pumphouse.core.auth.sessions import csrf_token
from pumphouse.core.duration import format_duration
from pumphouse.core.web.access import identity_of
from pumphouse.core.web.numbers import format_bytes, format_number
from pumphouse.core.web.times import format_age, format_instant, format_iso
from pumphouse.core.web.web import Connection, Web

FOLDER = Path(__file__).parent / "templates"


def make_environment(folders: Sequence[Path]) -> Environment:
    """The Jinja environment with the core's templates first, then the parts'."""
    environment = Environment(
        loader=FileSystemLoader([FOLDER, *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "number": format_number,
        "exact": repr,
        "bytes": format_bytes,
        "duration": format_duration,
        "instant": format_instant,
        "iso": format_iso,
        "json_text": lambda value: msgspec.json.format(msgspec.json.encode(value), indent=2).decode(),
        "json_data": json_data,
        "urlencode_query": urlencode,
    }
    environment.filters |= filters
    return environment


def json_data(value: Any) -> Markup:
    """JSON for a data block (`<script type="application/json">`): no `<` is in it that could end the block."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704  escaped here


class Renderer:
    """Renders the templates of one site."""

    def __init__(self, web: Web, environment: Environment) -> None:
        self._web = web
        self._environment = environment

    def render(self, connection: Connection, template: str, context: Mapping[str, Any]) -> str:
        """The page as HTML."""
        web, now = self._web, self._web.site.clock.now()
        identity = identity_of(connection)
        secret = connection.cookies.get(web.cookie, "") if identity.via == "session" else ""
        return self._environment.get_template(template).render(
            {
                "site_name": web.site.settings.site.name,
                "program_version": __version__,
                "parts": web.parts,
                "navigation": navigation(web, identity),
                "identity": identity,
                "csrf": csrf_token(secret) if secret else "",
                "path": connection.url.path,
                "query": dict(connection.query_params),
                "now": now,
                "age": lambda at: format_age(at, now),
                "static": lambda name: f"/static/{web.static_version}/{name}",
                **context,
            }
        )


def navigation(web: Web, identity: Identity) -> list[tuple[str, str]]:
    """The addresses and titles in the head of every page, as far as they are of use to who asks."""
    parts = [(part.path, part.title) for part in web.parts if part.path]
    inner = [("/people", "People"), ("/audit", "Audit")] if identity.may("administrator") else []
    return [("/runs", "Runs"), *parts, *inner, ("/api", "API")]


def page(
    connection: Connection,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response[str]:
    """A response with the page that `template` makes of the context."""
    renderer: Renderer = connection.app.state["renderer"]
    return Response(
        renderer.render(connection, template, context),
        status_code=status,
        media_type=MediaType.HTML,
        headers={"cache-control": "private, no-store", **(headers or {})},
    )


def see_other(path: str) -> Response[str]:
    """Go on with a page after a form was taken."""
    return Response("", status_code=303, media_type=MediaType.TEXT, headers={"location": path})

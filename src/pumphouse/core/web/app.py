# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The web application of a site."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Message, Scope

from pumphouse import __version__
from pumphouse.core.errors import PumphouseError
from pumphouse.core.site import Site
from pumphouse.core.web import account, api, health, people, runs, sign_in
from pumphouse.core.web.access import Identify, require_rate, require_role, require_same_origin
from pumphouse.core.web.errors import tell_bug, tell_error, tell_http_error
from pumphouse.core.web.home import home
from pumphouse.core.web.live import live
from pumphouse.core.web.part import PartPages
from pumphouse.core.web.render import Renderer, make_environment
from pumphouse.core.web.static_files import FOLDER, hash_folders, static_router
from pumphouse.core.web.web import Web

MAX_BODY = 1 << 20
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
}


def create_app(site: Site, parts: Sequence[PartPages] = ()) -> Litestar:
    """The application: the core's pages and API, and those of the parts.

    The site stays the caller's, who closes it after the application's shutdown.
    """
    folders = [part.folder for part in parts if part.folder is not None]
    static_folders = [FOLDER, *(path for folder in folders if (path := folder / "static").is_dir())]
    version = hash_folders(static_folders)
    web = Web(site, parts, version)
    environment = make_environment([folder / "templates" for folder in folders])

    async def close_feed() -> None:
        await web.feed.close()

    return Litestar(
        route_handlers=[
            home,
            *runs.HANDLERS,
            *api.HANDLERS,
            *health.HANDLERS,
            *sign_in.HANDLERS,
            *account.HANDLERS,
            *people.HANDLERS,
            live,
            static_router(static_folders, version),
            *(handler for part in parts for handler in part.routes),
            runs.no_such_page,
        ],
        state=State({"web": web, "renderer": Renderer(web, environment)}),
        middleware=[Identify()],
        guards=[require_rate, require_role, require_same_origin],
        before_send=[add_security_headers],
        exception_handlers={PumphouseError: tell_error, HTTPException: tell_http_error, Exception: tell_bug},
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=5, exclude_opt_key="plain"),
        openapi_config=OpenAPIConfig(
            title=f"{site.settings.site.name} API",
            version=__version__,
            description="Runs, their logs, artifacts and measurements, and events. Errors are problem+json (RFC 9457).",
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="An API token.")}
            ),
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            # The framework's own pages would answer for every unknown address below /api. They name no role, so they
            # are closed; api.py serves the description.
            openapi_router=Router("/framework-schema", route_handlers=[], include_in_schema=False),
        ),
        on_shutdown=[close_feed],
        request_max_body_size=MAX_BODY,
        logging_config=None,
    )


async def add_security_headers(message: Message, scope: Scope) -> None:
    """Put the security headers on every answer that does not bring its own."""
    if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
        headers = MutableScopeHeaders.from_message(message)
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)

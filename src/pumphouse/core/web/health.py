# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""For machines that watch the site: health and metrics."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from litestar import Request, Response, get

from pumphouse import __version__
from pumphouse.core.web.metrics import CONTENT_TYPE
from pumphouse.core.web.web import web_of


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the site answers and can read its database."""

    ok: bool
    version: str


@get("/healthz", opt={"role": "nobody"}, tags=["health"], summary="Tell whether the site works")
async def healthz(request: Request[Any, Any, Any]) -> Health:
    """200 where the database can be read, else 503 with the reason."""
    async with web_of(request).site.database.read() as connection:
        await connection.execute(sa.text("SELECT 1"))
    return Health(ok=True, version=__version__)


@get("/metrics", opt={"role": "viewer"}, include_in_schema=False)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Metrics in Prometheus' text format."""
    web = web_of(request)
    text = web.metrics.render(runs=await web.site.runs.count_by_state(), live_clients=len(web.feed.watchers))
    return Response(text, media_type=CONTENT_TYPE)


HANDLERS = [healthz, metrics]

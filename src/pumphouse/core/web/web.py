# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the handlers of one site share."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from litestar.connection import ASGIConnection

from pumphouse.core.auth.accounts import Accounts
from pumphouse.core.auth.links import Links
from pumphouse.core.auth.sessions import Sessions
from pumphouse.core.auth.tokens import Tokens
from pumphouse.core.live import LiveFeed
from pumphouse.core.site import Site
from pumphouse.core.web.metrics import Metrics
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.rate import RateLimiter

EXPECTED_FOR_S = 30.0

Connection = ASGIConnection[Any, Any, Any, Any]


class Web:
    """The site, its parts' pages, and the services of the web process."""

    def __init__(self, site: Site, parts: Sequence[PartPages], static_version: str) -> None:
        self.site = site
        self.parts = parts
        self.static_version = static_version
        self.accounts = Accounts(site.database, site.clock)
        self.sessions = Sessions(site.database, site.clock)
        self.tokens = Tokens(site.database, site.clock)
        self.links = Links(site.database, site.clock)
        self.limiter = RateLimiter()
        self.feed = LiveFeed(database=site.database, clock=site.clock, expected_s=self.expected_s)
        self.metrics = Metrics()
        self.run_bodies: Mapping[str, RunBody] = {
            kind: body for part in parts for kind, body in part.run_bodies.items()
        }
        self.startables: Mapping[str, Startable] = {item.kind: item for part in parts for item in part.startables}
        self._expected: dict[str, tuple[float, float | None]] = {}

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the site encrypted."""
        return self.site.settings.web.base_url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The name of the session cookie. The prefix forbids other hosts of the domain to set it (RFC 6265bis)."""
        return "__Host-pumphouse" if self.is_https else "pumphouse"

    async def expected_s(self, kind: str) -> float | None:
        """How long a run of this kind takes: from history, else as its part guesses, else None."""
        looked_at, value = self._expected.get(kind, (-EXPECTED_FOR_S, None))
        now = time.monotonic()
        if now - looked_at >= EXPECTED_FOR_S:
            value = await self.site.runs.expected_duration_s(kind)
            if value is None and kind in self.startables:
                value = self.startables[kind].guess_s
            self._expected[kind] = (now, value)
        return value


def base_url(connection: Connection) -> str:
    """How others reach the site: as its settings say, else as this connection did."""
    return (web_of(connection).site.settings.web.base_url or str(connection.base_url)).rstrip("/")


def web_of(connection: Connection) -> Web:
    """What the handlers of this connection's site share."""
    web: Web = connection.app.state["web"]
    return web

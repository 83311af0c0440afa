# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kind of run of the part, and the one that a new site begins with. Light: the web process imports it."""

from __future__ import annotations

import msgspec

from pumphouse.core.site import Site
from pumphouse.latency.domain.request import CompareRequest, write_title

COMPARE = "latency.compare"
GUESS_S = 80.0  # of the default comparison, ten boots of 9 to 17 s, two at a time; told while there is no history


async def queue_first_runs(site: Site) -> None:
    """Queue the comparison that a new site computes first: Debian's stock kernel and its realtime one in QEMU."""
    request = CompareRequest()
    await site.runs.create(
        kind=COMPARE,
        title=write_title(request),
        params=msgspec.to_builtins(request),
        actor="first start",
        idempotency_key="latency.compare first",
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Times for people: relative, with the absolute for hovering. time.js says the same words in the browser."""

from __future__ import annotations

from datetime import UTC, datetime


def format_age(at: float, now: float) -> str:
    """`at` seen from `now`, both seconds since the epoch: "4 min ago", "in 2 h"; the date after a fortnight."""
    seconds = now - at
    distance = abs(seconds)
    if distance < 5:
        return "now"
    if distance < 60:
        words = f"{int(distance)} s"
    elif distance < 3600:
        words = f"{int(distance // 60)} min"
    elif distance < 48 * 3600:
        words = f"{int(distance // 3600)} h"
    elif distance < 14 * 86400:
        words = f"{int(distance // 86400)} days"
    else:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def format_instant(at: float) -> str:
    """The absolute time with its zone: 2026-09-10 12:03:41 UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_iso(at: float) -> str:
    """The time for a machine (RFC 3339)."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"

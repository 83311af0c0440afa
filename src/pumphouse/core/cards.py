# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Cards: what a part offers for display elsewhere, on the home page and on screens that hang in halls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from pumphouse.core.site import Site

State = Literal["good", "attention", "bad", "unknown", "running"]


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing worth showing: `title` names it, `body` is the sentence that answers, `link` leads to its page."""

    part: str
    title: str
    body: str
    state: State = "unknown"
    link: str = ""
    at: float | None = None  # seconds since the epoch
    series: list[float] = []
    series_unit: str = ""
    run_id: int | None = None  # the run that computes it now, for live progress


CardFeed = Callable[["Site"], Awaitable[list[Card]]]

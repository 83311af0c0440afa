# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Limits on how often an address may ask, kept in memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from pumphouse.core.errors import UserError

MAX_KEYS = 10_000


class TooManyError(UserError):
    """Somebody asked more often than is allowed. `wait_s` is when they may ask again."""

    status_code = 429

    def __init__(self, what: str, *, wait_s: int, why: str) -> None:
        super().__init__(what, why=why, next_step=f"try again in {wait_s} s")
        self.wait_s = wait_s


@dataclass(frozen=True)
class Rate:
    """At most `times` in any `per_s` seconds for one address; `name` is shared by the routes that count together."""

    name: str
    times: int
    per_s: float


class RateLimiter:
    """Counts in a sliding window. It forgets the longest unseen key when it holds more than MAX_KEYS."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def take(self, rate: Rate, key: str) -> None:
        """Count one request. Raises TooManyError, without counting it, where the window is full."""
        now = self._monotonic()
        times = self._seen.setdefault((rate.name, key), deque())
        self._seen.move_to_end((rate.name, key))
        while times and times[0] <= now - rate.per_s:
            times.popleft()
        if len(times) >= rate.times:
            raise TooManyError(
                "too many tries from your address",
                wait_s=max(1, math.ceil(times[0] + rate.per_s - now)),
                why=f"at most {rate.times} in {rate.per_s:.0f} s are taken here",
            )
        times.append(now)
        if len(self._seen) > MAX_KEYS:
            self._seen.popitem(last=False)

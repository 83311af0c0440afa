# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The wall clock, as something a test can replace."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """The wall-clock time in seconds since the epoch."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """The wall-clock time in seconds since the epoch."""
        return time.time()


class SettableClock:
    """A clock that stands still until it is told to move. Ships for tests of everything that waits."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start

    def now(self) -> float:
        """The time it was set to."""
        return self.time

    def move(self, seconds: float) -> None:
        """Move the clock; a negative number moves it back, as a real clock may."""
        self.time += seconds

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How long work tells how far it is: the same two calls in a run, on a terminal and in a test."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where a piece of work reports to. Both calls return at once and may be called from any depth."""

    def log(self, text: str) -> None:
        """Add one line to the log of the work."""

    def advance(self, fraction: float, text: str = "") -> None:
        """Tell that `fraction` (0 to 1) is done and, in `text`, what is being done now."""


class Silent:
    """A Progress that nobody watches."""

    def log(self, text: str) -> None:
        """Drop the line."""

    def advance(self, fraction: float, text: str = "") -> None:
        """Drop the news."""

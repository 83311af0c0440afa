# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The states of a run.

queued ──claim──> running ──finish──> done | failed | cancelled
  ^                  │
  └──release, retry──┘        (and from failed or cancelled by a person's retry)
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens unless a person asks for it."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)

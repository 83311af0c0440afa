# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What is published when a run changes its state."""

from __future__ import annotations

from typing import ClassVar

from pumphouse.core.events import Event


class RunCreated(Event, frozen=True, kw_only=True):
    """A run was queued."""

    name: ClassVar[str] = "run.created"
    run_id: int
    kind: str


class RunStarted(Event, frozen=True, kw_only=True):
    """An executor claimed the run."""

    name: ClassVar[str] = "run.started"
    run_id: int
    kind: str
    attempt: int
    owner: str


class RunRequeued(Event, frozen=True, kw_only=True):
    """The run waits again: its executor was stopped or died, or it failed in a way that a retry may mend."""

    name: ClassVar[str] = "run.requeued"
    run_id: int
    kind: str
    reason: str


class RunCancelRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for the run to end."""

    name: ClassVar[str] = "run.cancel_requested"
    run_id: int
    kind: str


class RunFinished(Event, frozen=True, kw_only=True):
    """The run reached a final state."""

    name: ClassVar[str] = "run.finished"
    run_id: int
    kind: str
    state: str
    verdict: str
    summary: str

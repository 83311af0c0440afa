# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A run and what belongs to it, as they are read. The JSON of the API and of `--json` is exactly these shapes."""

from __future__ import annotations

from typing import Any

import msgspec

from pumphouse.core.errors import ErrorText
from pumphouse.core.jobs.state import State


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run without its parameters and result. Times are seconds since the epoch, progress is 0 to 1."""

    id: int
    kind: str
    title: str
    state: State
    verdict: str
    is_no: bool
    summary: str
    progress: float
    progress_text: str
    attempt: int
    max_attempts: int
    priority: int
    revision: int
    created_by: str
    created_at: float
    updated_at: float
    not_before: float
    started_at: float | None
    finished_at: float | None
    parent_id: int | None
    cancel_requested_by: str | None
    owner: str | None
    lease_until: float | None
    error: ErrorText | None


class Run(RunSummary, frozen=True, kw_only=True):
    """A whole run. `result` has the shape that its kind documents."""

    params: dict[str, Any]
    result: Any


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a run: done steps are not done again when the run is continued."""

    name: str
    position: int
    state: str
    started_at: float
    finished_at: float | None
    result: Any = None


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a run's log; `seq` rises from 1 within the run."""

    seq: int
    at: float
    level: str
    text: str


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run left; `size` in bytes."""

    name: str
    media_type: str
    size: int
    sha256: str
    created_at: float


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its unit; `labels` tell which (boot, kernel, phase)."""

    name: str
    value: float
    unit: str
    labels: dict[str, str]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to execute a run: every write of the executor carries the token and is refused when it is stale."""

    run_id: int
    token: str

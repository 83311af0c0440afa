# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of the core: runs and what belongs to them, and events."""

from __future__ import annotations

import sqlalchemy as sa

from pumphouse.core.db import Json, RowId, Seconds, metadata

run = sa.Table(
    "run",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("kind", sa.String(100), nullable=False),  # latency.compare
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),  # pumphouse.core.jobs.state.State
    sa.Column("priority", sa.Integer, nullable=False),  # higher first
    sa.Column("parent_id", RowId, sa.ForeignKey("run.id")),
    sa.Column("idempotency_key", sa.String(200), unique=True),
    sa.Column("created_by", sa.String(100), nullable=False),
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("updated_at", Seconds, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),  # rises with every change of the row
    sa.Column("not_before", Seconds, nullable=False),
    sa.Column("started_at", Seconds),
    sa.Column("finished_at", Seconds),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    # The lease: who executes the run, under which token, until when unless renewed.
    sa.Column("owner", sa.String(200)),
    sa.Column("lease_token", sa.String(40)),
    sa.Column("lease_until", Seconds),
    sa.Column("cancel_requested_by", sa.String(100)),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("progress_text", sa.String(300), nullable=False),
    sa.Column("verdict", sa.String(60), nullable=False),
    sa.Column("is_no", sa.Boolean, nullable=False),  # the answer is "no" or "worse"
    sa.Column("summary", sa.Text, nullable=False),  # the sentence that answers
    sa.Column("error", Json),  # pumphouse.core.errors.ErrorText
    sa.Column("result", Json),  # what the job returned, in the shape of its kind
    sa.Index("ix_run_claim", "state", "priority", "id"),
    sa.Index("ix_run_updated_at", "updated_at"),
    sa.Index("ix_run_kind", "kind", "id"),
    sa.Index("ix_run_parent_id", "parent_id"),
)

run_step = sa.Table(
    "run_step",
    metadata,
    sa.Column("run_id", RowId, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),  # running, done, failed
    sa.Column("started_at", Seconds, nullable=False),
    sa.Column("finished_at", Seconds),
    sa.Column("result", Json),
)

run_log = sa.Table(
    "run_log",
    metadata,
    sa.Column("run_id", RowId, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", Seconds, nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

run_artifact = sa.Table(
    "run_artifact",
    metadata,
    sa.Column("run_id", RowId, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # bytes
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created_at", Seconds, nullable=False),
)

run_measurement = sa.Table(
    "run_measurement",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("run_id", RowId, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("unit", sa.String(80), nullable=False),
    sa.Column("labels", sa.String(500), nullable=False),  # JSON with sorted keys, so that it can be compared
    sa.UniqueConstraint("run_id", "name", "labels"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("at", Seconds, nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Index("ix_event_name", "name", "id"),
)

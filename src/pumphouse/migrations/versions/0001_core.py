# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Runs and events."""

import sqlalchemy as sa
from alembic import op

from pumphouse.core.db import Json, RowId, Seconds

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "event",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("at", Seconds, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_name", "event", ["name", "id"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("parent_id", RowId, nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", Seconds, nullable=False),
        sa.Column("updated_at", Seconds, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("not_before", Seconds, nullable=False),
        sa.Column("started_at", Seconds, nullable=True),
        sa.Column("finished_at", Seconds, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Seconds, nullable=True),
        sa.Column("cancel_requested_by", sa.String(length=100), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("progress_text", sa.String(length=300), nullable=False),
        sa.Column("verdict", sa.String(length=60), nullable=False),
        sa.Column("is_no", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["run.id"], name=op.f("fk_run_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_run_idempotency_key")),
    )
    op.create_index("ix_run_claim", "run", ["state", "priority", "id"], unique=False)
    op.create_index("ix_run_kind", "run", ["kind", "id"], unique=False)
    op.create_index("ix_run_parent_id", "run", ["parent_id"], unique=False)
    op.create_index("ix_run_updated_at", "run", ["updated_at"], unique=False)
    op.create_table(
        "run_artifact",
        sa.Column("run_id", RowId, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Seconds, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_artifact_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_artifact")),
    )
    op.create_table(
        "run_log",
        sa.Column("run_id", RowId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", Seconds, nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_log_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_run_log")),
    )
    op.create_table(
        "run_measurement",
        sa.Column("id", RowId, nullable=False),
        sa.Column("run_id", RowId, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.String(length=80), nullable=False),
        sa.Column("labels", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_measurement_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_measurement")),
        sa.UniqueConstraint("run_id", "name", "labels", name=op.f("uq_run_measurement_run_id_name_labels")),
    )
    op.create_table(
        "run_step",
        sa.Column("run_id", RowId, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("started_at", Seconds, nullable=False),
        sa.Column("finished_at", Seconds, nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_step_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_step")),
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of accounts and what belongs to them."""

from __future__ import annotations

import sqlalchemy as sa

from pumphouse.core.db import Json, RowId, Seconds, metadata


def _account_id() -> sa.Column[int]:
    return sa.Column("account_id", RowId, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True)


account = sa.Table(
    "account",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.String(60), nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),  # pumphouse.core.config.Role
    sa.Column("password_hash", sa.String(200)),  # argon2, None where they sign in by link only
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("created_by", sa.String(100), nullable=False),
    sa.Column("disabled_at", Seconds),
    sa.Column("last_sign_in_at", Seconds),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    _account_id(),
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("seen_at", Seconds, nullable=False),  # to five minutes
    sa.Column("expires_at", Seconds, nullable=False),
    sa.Column("user_agent", sa.String(200), nullable=False),
)

sign_in_link = sa.Table(
    "sign_in_link",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    _account_id(),
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("expires_at", Seconds, nullable=False),
)

api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    _account_id(),
    sa.Column("name", sa.String(30), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),  # never allows more than the account's
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("expires_at", Seconds, nullable=False),
    sa.Column("used_at", Seconds),  # to five minutes
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", Seconds, nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("action", sa.String(60), nullable=False),  # role.changed
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("detail", Json, nullable=False),
)

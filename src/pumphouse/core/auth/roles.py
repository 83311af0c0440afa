# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The roles, each of which may do what the ones before it may.

nobody         sees nothing but the sign-in page
viewer         reads
operator       starts, cancels and retries runs
administrator  people, their tokens, the audit log
"""

from __future__ import annotations

from typing import get_args

from pumphouse.core.config import Role

ROLES: tuple[Role, ...] = get_args(Role)


def covers(role: Role, needed: Role) -> bool:
    """Whether somebody with `role` may do what needs `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)


def lesser(one: Role, other: Role) -> Role:
    """The role that allows less."""
    return min(one, other, key=ROLES.index)

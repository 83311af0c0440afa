# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The person, program or nobody behind a request."""

from __future__ import annotations

from typing import Literal

import msgspec

from pumphouse.core.auth.roles import covers
from pumphouse.core.config import Role


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `name` is empty for somebody who has not signed in."""

    role: Role
    via: Literal["nobody", "session", "token"] = "nobody"
    name: str = ""
    account_id: int | None = None
    session_id: int | None = None
    token_name: str = ""

    @property
    def actor(self) -> str:
        """How runs, events and the audit log name them."""
        if self.via == "token":
            return f"{self.name} (token {self.token_name})"
        return self.name or "anonymous"

    def may(self, needed: Role) -> bool:
        """Whether they may do what needs the role `needed`."""
        return covers(self.role, needed)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The two roots of every error that Pumphouse tells somebody about.

    PumphouseError
    ├── UserError    the input is wrong: exit 2, HTTP 4xx, no traceback, never retried
    └── InfraError   the machine, the network or a program failed: exit 3, HTTP 503, a run may be retried

Each carries four sentences: what happened, where, why, and the next step. Anything that is not
a PumphouseError is a bug in Pumphouse and is shown with its traceback.
"""

from __future__ import annotations

import msgspec


class ErrorText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an error says, in the shape in which it is stored and sent (problem+json, run table, --json)."""

    what: str
    where: str = ""
    why: str = ""
    next_step: str = ""
    kind: str = "error"  # user, infra, or bug

    def lines(self) -> list[str]:
        """The text for a terminal: the first line says what, the others are labelled."""
        labelled = (("where", self.where), ("why", self.why), ("next", self.next_step))
        return [self.what, *(f"  {label + ':':<6} {text}" for label, text in labelled if text)]


class PumphouseError(Exception):
    """An error that is told to a person. Raise UserError or InfraError, not this."""

    kind = "error"
    exit_code = 1
    status_code = 500

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.text = ErrorText(what=what, where=where, why=why, next_step=next_step, kind=self.kind)

    def __str__(self) -> str:
        return "\n".join(self.text.lines())


class UserError(PumphouseError):
    """The user's input is wrong; trying again without a change cannot help."""

    kind = "user"
    exit_code = 2
    status_code = 400


class NotFoundError(UserError):
    """The thing that was named does not exist."""

    status_code = 404


class ForbiddenError(UserError):
    """The person is known but may not do this, or nobody has signed in."""

    status_code = 403


class ConflictError(UserError):
    """The thing is in a state in which this cannot be done (a finished run cannot be cancelled)."""

    status_code = 409


class InfraError(PumphouseError):
    """The machine, the network or an outside program failed; the input was fine, so a retry may help."""

    kind = "infra"
    exit_code = 3
    status_code = 503

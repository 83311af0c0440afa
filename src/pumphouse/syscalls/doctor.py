# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the part needs of a machine."""

from __future__ import annotations

from pumphouse.core.doctor import Check, program_check


def syscalls_checks() -> list[Check]:
    """The part's checks."""
    return [
        program_check(
            name="C compiler",
            needed_by="syscalls",
            purpose="makes a program of the prober's header",
            package="gcc libc6-dev",
            programs=["gcc"],
        )
    ]

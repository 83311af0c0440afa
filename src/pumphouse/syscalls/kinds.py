# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of run of the part, and the one that a new site begins with. Light: the web process imports it."""

from __future__ import annotations

import shlex

import msgspec

from pumphouse.core.site import Site

PROBE = "syscalls.probe"
GUESS_S = 2.0  # a fifth of a second of probing, and starting the process; told while there is no history


class ProbeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a probe: the calls that are asked; without names, all that have a recipe."""

    names: list[str] = []


def write_title(request: ProbeRequest) -> str:
    """The title of a run."""
    return f"Ask this kernel about {', '.join(request.names) or 'its extensible calls'}"


def write_command(request: ProbeRequest) -> str:
    """The shell command that does the same."""
    return shlex.join(["pumphouse", "syscalls", "probe", "--no-cache", *request.names])


async def queue_first_runs(site: Site) -> None:
    """Queue the probe that a new site computes first: what the kernel that runs supports."""
    request = ProbeRequest()
    await site.runs.create(
        kind=PROBE,
        title=write_title(request),
        params=msgspec.to_builtins(request),
        actor="first start",
        idempotency_key="syscalls.probe first",
        priority=1,  # a fifth of a second: before what takes minutes
    )

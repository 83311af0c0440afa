# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of run of the part: their names, titles and commands. Imported by pages, jobs and commands alike."""

from __future__ import annotations

import shlex

import msgspec

from pumphouse.latency.domain.request import CompareRequest

COMPARE = "latency.compare"
GUESS_S = 110.0  # of the default comparison on two cores, while there is no history


def title_of(request: CompareRequest) -> str:
    """The title of a comparison's run."""
    return f"Compare the latency of {_short(request.b)} with {_short(request.a)} under {request.load}"


def write_command(request: CompareRequest) -> str:
    """The shell command that makes the same comparison; only what differs from the defaults is named."""
    words = ["pumphouse", "latency", "compare"]
    for name in CompareRequest.__struct_fields__:
        value = getattr(request, name)
        if value != getattr(CompareRequest(), name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def params_of(request: CompareRequest) -> dict[str, object]:
    """The parameters as the run keeps them."""
    params: dict[str, object] = msgspec.to_builtins(request)
    return params


def _short(specification: str) -> str:
    return specification.rsplit("/", 1)[-1].removeprefix("deb:")

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Starting runs through the site: only kinds that a part offers, with parameters of the shape that it declares."""

from __future__ import annotations

from typing import Any

import msgspec

from pumphouse.core.auth.identity import Identity
from pumphouse.core.errors import UserError
from pumphouse.core.jobs.records import Run
from pumphouse.core.web.part import Startable
from pumphouse.core.web.web import Web


async def start_run(
    web: Web,
    identity: Identity,
    *,
    kind: str,
    params: dict[str, Any],
    priority: int = 0,
    idempotency_key: str | None = None,
) -> Run:
    """The new queued run. Raises UserError where the kind is not offered or the parameters are not its."""
    startable = web.startables.get(kind)
    if startable is None:
        raise UserError(
            f"runs of the kind {kind!r} cannot be started here",
            where="kind",
            next_step=f"take one of: {', '.join(sorted(web.startables)) or 'none is offered on this site'}",
        )
    decoded = decode_params(startable, params)
    return await web.site.runs.create(
        kind=kind,
        title=startable.title(decoded),
        params=msgspec.to_builtins(decoded),
        actor=identity.actor,
        priority=priority,
        idempotency_key=idempotency_key,
    )


def decode_params(startable: Startable, params: dict[str, Any]) -> msgspec.Struct:
    """The parameters in the shape of the kind. Raises UserError naming the one that is wrong."""
    try:
        return msgspec.convert(params, startable.params)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at `$")
        raise UserError(
            f"the parameters are not those of {startable.kind}",
            where=f"params{at.rstrip('`')}",
            why=reason,
            next_step=f"it takes: {', '.join(startable.params.__struct_fields__) or 'none'}",
        ) from error


def command_of(web: Web, run: Run) -> str | None:
    """The shell command that does the same as `run`, where its part can tell."""
    startable = web.startables.get(run.kind)
    if startable is None or startable.command is None:
        return None
    try:
        return startable.command(decode_params(startable, run.params))
    except UserError:  # the parameters of an older version
        return None

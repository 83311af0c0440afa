# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Executors: what claims runs and sees to it that each is executed in a process of its own."""

from __future__ import annotations

from typing import Protocol

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.supervisor import Supervisor
from pumphouse.core.site import Site


class Executor(Protocol):
    """Executes the queued runs of a site, `slots` at a time, until told to stop."""

    slots: int

    def stop(self) -> None:
        """Ask `serve` to give back what runs and to return."""

    async def serve(self, *, until_idle: bool = False) -> None:
        """Work until `stop` is called, or with `until_idle` until no run is queued and none runs here."""


def make_executor(site: Site) -> Executor:
    """The executor that the settings name. Raises UserError where it does not go with the database."""
    check_executor(site)
    if site.settings.worker.executor == "local":
        return Supervisor(site)
    # Procrastinate is imported only where it is used: it costs time and memory.
    from pumphouse.core.jobs.procrastinate import ProcrastinateExecutor  # noqa: PLC0415

    return ProcrastinateExecutor(site)


def check_executor(site: Site) -> None:
    """Raise UserError where the executor does not go with the database."""
    if site.settings.worker.executor == "procrastinate" and site.database.is_sqlite:
        raise UserError(
            'worker.executor = "procrastinate" needs PostgreSQL',
            where=str(site.path),
            why="the database is SQLite, which machines cannot share",
            next_step='set [database] url = "env:PUMPHOUSE_DATABASE_URL", or executor = "local"',
        )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The nursery of a supervisor, `python -m pumphouse.shell.execute_run`: forks a process for each run."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.job import Job
from pumphouse.core.jobs.nursery import Order, serve_nursery
from pumphouse.core.log import configure_logging
from pumphouse.core.parts import find_parts, resolve
from pumphouse.core.site import Site


def find_job(kind: str) -> Job | None:
    """The job for a kind of run; the part is named by what stands before the first dot."""
    for part in find_parts():
        if part.jobs and kind.startswith(f"{part.name}."):
            job: Job | None = resolve(part.jobs)().get(kind)
            return job
    return None


async def _execute(order: Order) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    site = Site(Path(order.root))
    try:
        run = await site.runs.get(order.run_id)
        await execute(site, order.lease, find_job(run.kind), stop=stop)
    finally:
        await site.close()


def execute_order(order: Order) -> None:
    """Execute one run in this process."""
    configure_logging(json_lines=True)
    asyncio.run(_execute(order))


if __name__ == "__main__":
    serve_nursery(execute_order)

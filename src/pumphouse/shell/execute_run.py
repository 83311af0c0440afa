# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The process of one run: `python -m pumphouse.shell.execute_run SITE RUN_ID`, started by a supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.job import Job
from pumphouse.core.jobs.process import TOKEN_VARIABLE
from pumphouse.core.jobs.records import Lease
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


async def _main(root: Path, lease: Lease) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    site = Site(root)
    try:
        run = await site.runs.get(lease.run_id)
        await execute(site, lease, find_job(run.kind), stop=stop)
    finally:
        await site.close()


def main() -> None:
    """Execute the run that the arguments name; the lease's token is in the environment."""
    configure_logging(json_lines=True)
    lease = Lease(run_id=int(sys.argv[2]), token=os.environ.pop(TOKEN_VARIABLE))
    asyncio.run(_main(Path(sys.argv[1]), lease))


if __name__ == "__main__":
    main()

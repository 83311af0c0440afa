# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The core's commands that are not about runs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.executor import check_executor, make_executor
from pumphouse.core.log import configure_logging
from pumphouse.core.parts import find_parts
from pumphouse.core.site import Site, create_site, find_site_root
from pumphouse.core.terminal import JsonOption, SiteOption, opened_site, print_json, print_lines, say


def init(folder: Path, *, name: str = "Pumphouse") -> int:
    """Make a site in FOLDER: a settings file to begin with.

    Example: pumphouse init ~/conference
    """
    path = create_site(folder, name=name)
    say(f"{path} made; `pumphouse up {folder}` starts the site")
    return 0


def check(folder: Path | None = None, *, site: SiteOption = None, json: JsonOption = False) -> int:
    """Validate the settings of a site: every key, every value, every secret that is named.

    Example: pumphouse check site
    """
    checked = Site(find_site_root(folder or site))
    checked.check()
    check_executor(checked)
    if json:
        print_json({"ok": True, "settings": checked.describe()})
    else:
        print_lines([f"{checked.path} is valid"])
    return 0


def parts(*, json: JsonOption = False) -> int:
    """List the parts and whether they are built.

    Example: pumphouse parts
    """
    found = find_parts()
    if json:
        print_json([{"name": part.name, "summary": part.summary, "built": part.built} for part in found])
    else:
        print_lines(
            [f"{part.name:<10} {part.summary if part.built else f'not built yet: {part.summary}'}" for part in found]
        )
    return 0


def worker(
    *,
    site: SiteOption = None,
    until_idle: Annotated[bool, Parameter(negative="", help="End when no run is queued or running.")] = False,
) -> int:
    """Execute the queued runs of a site until Ctrl-C, which gives back what is running.

    Example: pumphouse worker --site site
    """
    configure_logging()

    async def main() -> None:
        async with opened_site(site) as opened:
            executor = make_executor(opened)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, executor.stop)
            say(f"executes the runs of {opened.root}, {executor.slots} at a time; Ctrl-C ends it")
            await executor.serve(until_idle=until_idle)

    asyncio.run(main())
    return 0


def up(
    folder: Path | None = None,
    *,
    site: SiteOption = None,
    host: str | None = None,
    port: int | None = None,
) -> int:
    """Start a site: the web server, the worker, and what a new site computes first. Ctrl-C stops everything.

    Example: pumphouse up site
    """
    if port is not None and not 1 <= port <= 65535:
        raise UserError(f"{port} is not a port", where="--port", next_step="give a number from 1 to 65535")
    configure_logging(level="warning")
    from pumphouse.shell.up import serve  # noqa: PLC0415  the web framework is imported only to serve

    return asyncio.run(serve(find_site_root(folder or site), host=host, port=port))

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A run executed by a command, with its progress on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import signal
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pumphouse.core.duration import format_duration, time_left_s
from pumphouse.core.errors import ConflictError
from pumphouse.core.jobs.nursery import Nursery
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import Lease, Run
from pumphouse.core.jobs.state import State
from pumphouse.core.jobs.supervisor import supervise
from pumphouse.core.site import Site
from pumphouse.core.terminal import print_json, say, tell_error

LOOK_S = 0.3
EXIT_CANCELLED = 130


def actor() -> str:
    """The person at the terminal, as runs and the audit log name them."""
    with contextlib.suppress(KeyError, OSError):
        return f"{getpass.getuser()} (command line)"
    return f"uid {os.getuid()} (command line)"


async def execute_here(site: Site, *, kind: str, title: str, params: dict[str, Any]) -> Run:
    """Make a run and execute it now, with a progress bar; returns it in its final state.

    Ctrl-C cancels the run and returns when everything that it started has ended. SIGTERM gives the run back to the
    site's workers.
    """
    lease_s = site.settings.worker.lease_s
    owner = Owner.current()
    lease: Lease | None = await site.runs.create_claimed(
        kind=kind, title=title, params=params, actor=actor(), owner=owner, lease_s=lease_s
    )
    assert lease is not None  # noqa: S101  for the type checker; the loop below sets it to None
    run_id = lease.run_id
    say(f"run {run_id}: {title}")
    stop, nursery = asyncio.Event(), Nursery()
    loop = asyncio.get_running_loop()
    cancelling: list[asyncio.Task[None]] = []

    async def cancel() -> None:
        with contextlib.suppress(ConflictError):
            await site.runs.cancel(run_id, actor=actor())

    loop.add_signal_handler(signal.SIGINT, lambda: cancelling.append(asyncio.ensure_future(cancel())))
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    watcher = asyncio.ensure_future(show_progress(site, run_id))
    try:
        while True:
            if lease is not None:
                await supervise(site, lease, nursery=nursery, stop=stop)
            run = await site.runs.get(run_id)
            if run.state.is_final or stop.is_set():
                return run
            await asyncio.sleep(LOOK_S)
            lease = await site.runs.claim(owner=owner, lease_s=lease_s, run_id=run_id)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        watcher.cancel()
        await nursery.close()
        await asyncio.gather(watcher, *cancelling, return_exceptions=True)


async def show_progress(site: Site, run_id: int) -> None:
    """Show on standard error how far a run is, until it ends: a bar, or in a pipe a line for each new text."""
    run = await site.runs.get(run_id)
    expected_s = await site.runs.expected_duration_s(run.kind)
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        last = ""
        while not run.state.is_final:
            if run.progress_text and run.progress_text != last:
                last = run.progress_text
                say(f"{run.progress:4.0%} {last}")
            await asyncio.sleep(LOOK_S)
            run = await site.runs.get(run_id)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.description}", table_column=None),
    )
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starts", total=1.0, left="")
        while not run.state.is_final:
            left = time_left_s(run.progress, time.monotonic() - began, expected_s)
            text = run.progress_text or run.state
            bar.update(
                task, completed=run.progress, description=text, left=f"{format_duration(left)} left" if left else ""
            )
            await asyncio.sleep(LOOK_S)
            run = await site.runs.get(run_id)


def report_end(run: Run, *, as_json: bool) -> int:
    """Print how a run ended, the answer first; returns the exit code. `as_json` prints the whole run instead."""
    if as_json:
        print_json(run)
    elif run.state is State.DONE:
        sys.stdout.write(run.summary + "\n")
    if run.state is State.DONE:
        return 1 if run.is_no else 0
    if run.state is State.FAILED and run.error:
        code = tell_error(run.error)
        say(f"  log:   pumphouse runs log {run.id}")
        return code
    say(f"run {run.id} {run.summary or run.progress_text or run.state}")
    return EXIT_CANCELLED

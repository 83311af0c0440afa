# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Sites with real workers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time

import pytest

from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site

PUMPHOUSE = [sys.executable, "-m", "pumphouse.shell"]


@pytest.fixture
async def site(site_root):
    with (site_root / "pumphouse.toml").open("a") as stream:
        stream.write("\n[worker]\nslots = 3\nlease_s = 4\n")
    site = Site(site_root)
    await upgrade_schema(site.database)
    yield site
    await site.close()


@pytest.fixture
def worker(tmp_path):
    """Starts `pumphouse worker` and ends it at the end of the block."""

    @contextlib.contextmanager
    def start(site, *arguments):
        argv = [*PUMPHOUSE, "worker", "--site", str(site.root), *arguments]
        with (tmp_path / f"worker-{site.root.name}.log").open("ab") as log:
            process = subprocess.Popen(argv, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()

    return start


@pytest.fixture
def pumphouse():
    """Runs one command line; returns exit code, standard output and standard error."""

    def run(*arguments):
        done = subprocess.run([*PUMPHOUSE, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def until():
    """Waits for something to come about, with a bound."""

    async def wait(condition, *, seconds=40):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := await condition():
                return found
            await asyncio.sleep(0.1)
        raise AssertionError("it did not come about")

    return wait


@pytest.fixture
def ended():
    """The runs, once all of them are in a final state."""

    async def look(site, *run_ids):
        runs = [await site.runs.get(run_id) for run_id in run_ids]
        return runs if all(run.state.is_final for run in runs) else None

    return look


@pytest.fixture
def make():
    """Queues a run of the demonstration part; returns its id."""

    async def queue(site, kind, *, max_attempts=2, **params):
        run = await site.runs.create(kind=kind, title=kind, params=params, actor="test", max_attempts=max_attempts)
        return run.id

    return queue

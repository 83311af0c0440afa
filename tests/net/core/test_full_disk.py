# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full: told plainly, and nothing is lost once there is room."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site, create_site

pytestmark = [pytest.mark.net, pytest.mark.anyio, pytest.mark.usefixtures("demo_part")]


@pytest.fixture
async def small_site(tmp_path):
    """A site on a disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk: sudo make net")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        create_site(disk / "site")
        site = Site(disk / "site")
        await upgrade_schema(site.database)
        yield site
        await site.close()
    finally:
        subprocess.run(["umount", disk], check=True)


async def test_an_artifact_that_does_not_fit_is_told_and_leaves_no_half_file(small_site, make, worker, until, ended):
    run_id = await make(small_site, "demo.big", size=8 << 20, max_attempts=1)
    with worker(small_site):
        (run,) = await until(lambda: ended(small_site, run_id))
    assert (run.state, run.error.what) == (State.FAILED, "an artifact could not be kept")
    assert run.error.why == "No space left on device"
    assert "make room" in run.error.next_step
    assert [path for path in small_site.artifacts.folder.rglob("*") if path.is_file()] == []


async def test_a_worker_on_a_full_disk_waits_and_goes_on_when_there_is_room(
    small_site, tmp_path, make, worker, until, ended
):
    run_id = await make(small_site, "demo.count", trace=str(tmp_path / "trace"))
    filler = small_site.root / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(b"x" * (8 << 20))
    with worker(small_site) as process:
        await asyncio.sleep(3)
        assert process.poll() is None
        filler.unlink()
        (run,) = await until(lambda: ended(small_site, run_id))
    assert run.state is State.DONE

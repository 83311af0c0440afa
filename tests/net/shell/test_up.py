# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse up` as a person starts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
import websockets

from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site

pytestmark = [pytest.mark.net, pytest.mark.anyio, pytest.mark.usefixtures("demo_part")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Up:
    """A started site: its address and what it said."""

    def __init__(self, root, *arguments):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.began = time.monotonic()
        argv = [sys.executable, "-m", "pumphouse.shell", "up", str(root), "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True)

    async def answers(self, seconds=30):
        async with httpx.AsyncClient() as client:
            while time.monotonic() - self.began < seconds:
                assert self.process.poll() is None, self.process.stderr.read()
                with contextlib.suppress(httpx.TransportError):
                    return await client.get(f"{self.url}/healthz")
                await asyncio.sleep(0.05)
        raise AssertionError("the site did not answer")

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        began = time.monotonic()
        _, told = self.process.communicate(timeout=20)
        return time.monotonic() - began, told


@pytest.fixture
def up(site_root):
    with (site_root / "pumphouse.toml").open("a") as stream:
        stream.write("\n[worker]\nfirst_runs = false\nlease_s = 4\n")
    started = []

    def start(*arguments):
        started.append(Up(site_root, *arguments))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


async def test_the_first_start_prints_a_sign_in_link_and_its_address(up):
    site = up()
    assert (await site.answers()).status_code == 200
    _, told = site.stop()
    assert f"on {site.url}   Ctrl-C stops it" in told
    link = re.search(r"sign in as administrator .*: (http\S+)", told)
    assert link[1].startswith(f"{site.url}/sign-in/")


async def test_ctrl_c_ends_everything_within_three_seconds_also_with_open_web_sockets(up, tmp_path, site_root):
    site = up()
    await site.answers()
    opened = Site(site_root)
    run = await opened.runs.create(
        kind="demo.count", title="x", params={"trace": str(tmp_path / "t"), "steps": 99, "pause_s": 0.2}, actor="test"
    )
    async with websockets.connect(f"ws://127.0.0.1:{site.port}/live") as first:
        await first.send('{"watch": ["runs"]}')
        while (await opened.runs.get(run.id)).progress == 0:
            await asyncio.sleep(0.1)
        took_s, _ = await asyncio.to_thread(site.stop)
    assert took_s < 3
    assert site.process.returncode == 0
    after = await opened.runs.get(run.id)
    assert (after.state, after.owner) == (State.QUEUED, None)
    assert subprocess.run(["pgrep", "-s", str(site.process.pid)], capture_output=True, check=False).stdout == b""
    await opened.close()


async def test_a_site_killed_in_the_middle_of_a_run_continues_it_at_the_next_start(up, tmp_path, site_root):
    trace = tmp_path / "trace"
    opened = Site(site_root)
    first = up()
    await first.answers()
    run = await opened.runs.create(
        kind="demo.count", title="x", params={"trace": str(trace), "steps": 8, "pause_s": 0.3}, actor="test"
    )
    while (await opened.runs.get(run.id)).progress == 0:
        await asyncio.sleep(0.1)
    first.process.kill()
    first.process.wait()
    second = up()
    await second.answers()
    while not (ended := await opened.runs.get(run.id)).state.is_final:
        await asyncio.sleep(0.1)
    assert ended.state is State.DONE
    assert trace.read_text().split() == " ".join(f"{run.id} {number}" for number in range(1, 9)).split()
    await opened.close()


async def test_a_port_in_use_is_told_with_another_to_take(up, site_root):
    site = up()
    await site.answers()
    argv = [sys.executable, "-m", "pumphouse.shell", "up", str(site_root), "--port", str(site.port)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {site.port} is in use" in done.stderr
    assert f"pumphouse up --port {site.port + 1}" in done.stderr
    assert "Traceback" not in done.stderr

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a site costs that does nothing: resident memory and processor time, beside a bare Litestar server.

The peer serves one route with the same framework and server and has no database, worker, pages or sign-in: it is the
floor on which the site stands.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

SETTLE_S = 5
WATCH_S = 10
PEER = """
import sys, uvicorn
from litestar import Litestar, get
@get("/healthz")
async def health() -> dict[str, bool]:
    return {"ok": True}
uvicorn.run(Litestar([health]), port=int(sys.argv[1]), ws="websockets-sansio", log_level="error")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_mb(session):
    """Resident memory of all processes of a session, in MB (Rss of smaps_rollup: shared pages count for each)."""
    pids = subprocess.run(["pgrep", "-s", str(session)], capture_output=True, text=True, check=True).stdout.split()
    total_kb = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total_kb += int(next(line for line in text.splitlines() if line.startswith("Rss:")).split()[1])
    return total_kb / 1000, len(pids)


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(argv, port):
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                assert answer.status == 200
                break
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        before = cpu_s(process.pid)
        time.sleep(WATCH_S)
        used = cpu_s(process.pid) - before
        memory, processes = resident_mb(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    return memory, processes, used / WATCH_S


def test_an_idle_site_against_a_bare_server(site_root):
    with (site_root / "pumphouse.toml").open("a") as stream:
        stream.write("\n[worker]\nfirst_runs = false\n")
    rows = []
    for _ in range(3):
        port = free_port()
        peer = measure([sys.executable, "-c", PEER, str(port)], port)
        port = free_port()
        ours = measure([sys.executable, "-m", "pumphouse.shell", "up", str(site_root), "--port", str(port)], port)
        rows.append((ours, peer))
    ratios = sorted(ours[0] / peer[0] for ours, peer in rows)
    print()
    for ours, peer in rows:
        print(
            f"site {ours[0]:.1f} MB in {ours[1]} process, {ours[2]:.2%} of a core; "
            f"bare server {peer[0]:.1f} MB, {peer[2]:.2%}"
        )
    print(f"resident memory, site / bare server: {ratios[1]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    assert all(ours[1] == 1 for ours, _ in rows)

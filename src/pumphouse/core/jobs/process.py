# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The process of one run: its argv, its environment, how it dies with whoever started it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

from pumphouse.core.jobs.records import Lease

_PR_SET_PDEATHSIG = 1
TOKEN_VARIABLE = "PUMPHOUSE_LEASE_TOKEN"  # noqa: S105  the name of a variable, not a secret


def run_argv(*, root: Path, run_id: int) -> list[str]:
    """The command that executes one run. The token travels in the environment: argv is public."""
    return [sys.executable, "-m", "pumphouse.shell.execute_run", str(root), str(run_id)]


async def start_run_process(*, root: Path, lease: Lease, output: Path) -> asyncio.subprocess.Process:
    """Start the process of a run: leader of a process group of its own, told to stop when this process dies.

    What it prints outside of the run's log goes to `output`.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()

    def die_with_parent() -> None:
        # SIGTERM makes it give the run back; its own children it has told to die with it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    with output.open("wb") as stream:
        return await asyncio.create_subprocess_exec(
            *run_argv(root=root, run_id=lease.run_id),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, TOKEN_VARIABLE: lease.token},
            process_group=0,
            preexec_fn=die_with_parent,
        )


def kill_group(process: asyncio.subprocess.Process) -> None:
    """SIGKILL to everything in the process's group, also when its leader is gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)

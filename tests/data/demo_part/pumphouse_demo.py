# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A part from outside, with jobs that behave well and badly on request."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.jobs.context import RunContext
from pumphouse.core.jobs.job import Job, Jobs, Outcome
from pumphouse.core.jobs.records import Measurement
from pumphouse.core.parts import Part

part = Part(name="demo", summary="a part for tests", jobs="pumphouse_demo:jobs")


async def count(context: RunContext) -> Outcome:
    """Count in steps, each `pause_s` long; every step done appends its number to the file `trace`.

    While it runs it holds the file `trace`.lock, made exclusively: two at once would be seen.
    """
    trace = Path(context.params["trace"])
    lock = trace.with_suffix(f".{context.run_id}.lock")
    handle = os.open(lock, os.O_CREAT | os.O_RDWR)
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises BlockingIOError where another process has it
    steps = context.params.get("steps", 3)
    for number in range(1, steps + 1):

        async def one(number: int = number) -> int:
            await asyncio.sleep(context.params.get("pause_s", 0.0))
            with trace.open("a") as stream:
                stream.write(f"{context.run_id} {number}\n")
            return number

        await context.step(f"step {number}", one)
        context.advance(number / steps, f"step {number} of {steps}")
        context.log(f"counted to {number}")
    await context.measure(Measurement(name="count", value=steps, unit="steps", labels={}))
    await context.artifact("counted.txt", f"{steps}\n".encode(), media_type="text/plain")
    return Outcome(summary=f"counted to {steps}", verdict="done", result={"steps": steps})


async def chatter(context: RunContext) -> Outcome:
    for number in range(3000):
        context.log(f"line {number}")
        if number % 10 == 0:
            await asyncio.sleep(0.001)
    return Outcome(summary="said")


async def answer_no(_context: RunContext) -> Outcome:
    return Outcome(summary="it is worse", verdict="worse", is_no=True)


async def fail_user(_context: RunContext) -> Outcome:
    raise UserError("the spoon is bent", where="spoon.toml:3", why="there is no spoon", next_step="use a fork")


async def fail_infra(context: RunContext) -> Outcome:
    raise InfraError("the machine is on fire", where="rack 4", next_step="call somebody")


async def bug(_context: RunContext) -> Outcome:
    return {}["missing"]


async def die(_context: RunContext) -> Outcome:
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(60)
    raise AssertionError


async def hang(_context: RunContext) -> Outcome:
    """Ignore everything, as a loop without an await does, and have a child that ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code])
    Path(_context.params["pids"]).write_text(f"{os.getpid()} {child.pid}")
    while True:
        time.sleep(1)


async def big(context: RunContext) -> Outcome:
    await context.artifact("big", b"x" * context.params["size"], media_type="application/octet-stream")
    return Outcome(summary="kept")


def jobs() -> Jobs:
    performers = (chatter, count, answer_no, fail_user, fail_infra, bug, die, hang, big)
    return {f"demo.{perform.__name__}": Job(kind=f"demo.{perform.__name__}", perform=perform) for perform in performers}

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The nursery: a process that has imported everything once and forks a process for each run.

Python takes most of a second of processor time to import what a run needs; a fork takes milliseconds. The supervisor
starts the nursery with the first run and lets it go when it has been idle, so an idle site does not hold its memory.

The protocol is one JSON object a line. To the nursery: `{"run_id", "root", "token", "output"}`. From it:
`{"run_id", "pid"}` when the process runs, `{"pid", "status"}` when it ended (status as in subprocess.returncode).
The nursery itself has no threads and no event loop, so that forking it is safe. Each run's process is leader of its own
process group and gets SIGTERM when the nursery dies; the nursery ends when its supervisor does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from pumphouse.core.errors import InfraError
from pumphouse.core.jobs.records import Lease
from pumphouse.core.process import die_with_parent

ORPHAN_S, ORPHAN_LOOK_S = 2.0, 0.05
IDLE_S = 20.0  # how long a nursery without children waits before it ends


class Order(msgspec.Struct, frozen=True):
    """What to execute. The token travels here and not in an argv, which is public."""

    run_id: int
    root: str
    token: str
    output: str

    @property
    def lease(self) -> Lease:
        """The lease under which it is executed."""
        return Lease(run_id=self.run_id, token=self.token)


def serve_nursery(execute: Callable[[Order], None]) -> None:
    """Fork a child for each order on standard input until it closes, and report their ends on standard output."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders, children = b"", 0
    while True:
        ready = select.select([0, reader], [], [], IDLE_S)[0]
        if not ready and not children:
            return
        if reader in ready:
            os.read(reader, 4096)
        children -= _report_ended()
        if 0 in ready:
            data = os.read(0, 1 << 16)
            if not data:
                return  # the supervisor is gone; the children are told by the kernel
            *lines, orders = (orders + data).split(b"\n")
            for line in lines:
                _fork(msgspec.json.decode(line, type=Order), execute)
                children += 1


def _report_ended() -> int:
    ended = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            _say({"pid": pid, "status": os.waitstatus_to_exitcode(status)})
            ended += 1
    return ended


def _fork(order: Order, execute: Callable[[Order], None]) -> None:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _become_run(order, parent)
            execute(order)
            status = 0
        except BaseException:  # noqa: BLE001  whatever it is, it belongs into the run's output and not into ours
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)  # also here, so that the group exists before anybody is told of it
    _say({"run_id": order.run_id, "pid": pid})


def _become_run(order: Order, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(PermissionError):
        os.setpgid(0, 0)
    die_with_parent(parent, signal.SIGTERM)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(order.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 256)


def _say(message: dict[str, int]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


class RunProcess:
    """The process of one run, as the supervisor sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """The return code, once it has ended: negative for a signal."""
        await self._ended.wait()
        return self.returncode or 0

    async def wait_orphaned(self) -> None:
        """Wait, ORPHAN_S at most, until it is gone, where the nursery that would have told so is dead."""
        for _ in range(round(ORPHAN_S / ORPHAN_LOOK_S)):
            if not Path(f"/proc/{self.pid}").exists():
                break
            await asyncio.sleep(ORPHAN_LOOK_S)
        self.end(-signal.SIGTERM)

    def terminate(self) -> None:
        """Ask it to give its run back."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill_group(self) -> None:
        """SIGKILL to everything in its process group, also when its leader is gone already."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self, status: int) -> None:
        """Note that it ended."""
        self.returncode = status
        self._ended.set()


class Nursery:
    """Starts processes of runs. The nursery process comes with the first and goes by itself when it is idle."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting: dict[int, asyncio.Future[RunProcess]] = {}
        self._children: dict[int, RunProcess] = {}
        self._turn = asyncio.Lock()

    async def start(self, *, root: Path, lease: Lease, output: Path) -> RunProcess:
        """The process that executes the run of a lease. Raises InfraError where none can be started."""
        output.parent.mkdir(parents=True, exist_ok=True)
        order = Order(run_id=lease.run_id, root=str(root), token=lease.token, output=str(output))
        started: asyncio.Future[RunProcess]
        for _ in range(2):  # a nursery that just went because it was idle is replaced once
            async with self._turn:
                nursery = await self._opened()
                started = self._starting[lease.run_id] = asyncio.get_running_loop().create_future()
                try:
                    if nursery.stdin is not None:
                        nursery.stdin.write(msgspec.json.encode(order) + b"\n")
                        await nursery.stdin.drain()
                except OSError:
                    self._starting.pop(lease.run_id, None)
                    continue
            try:
                return await started
            except InfraError:
                continue
        raise InfraError(
            "the process of a run could not be started",
            where=" ".join(nursery_argv()),
            why="the process that starts them ended",
            next_step="look at the worker's log; the run is tried again by itself",
        )

    async def close(self) -> None:
        """Let the nursery go; its children are not touched."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _opened(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None or self._gone:
            if self._listening is not None:
                await self._listening
            parent = os.getpid()
            self._process = await asyncio.create_subprocess_exec(
                *nursery_argv(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent, signal.SIGKILL),
            )
            self._listening = asyncio.create_task(self._listen(self._process))
        return self._process

    @property
    def _gone(self) -> bool:
        return self._listening is not None and self._listening.done()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        while stream is not None and (line := await stream.readline()):
            message: dict[str, int] = json.loads(line)
            if "status" in message:
                if child := self._children.pop(message["pid"], None):
                    child.end(message["status"])
                continue
            child = self._children[message["pid"]] = RunProcess(message["pid"])
            if started := self._starting.pop(message["run_id"], None):
                started.set_result(child)
        await process.wait()
        # The kernel has sent its children SIGTERM: they give their runs back, and nobody reports their ends any more.
        orphans, self._children = self._children, {}
        for child in orphans.values():
            await child.wait_orphaned()
        for started in self._starting.values():
            started.set_exception(InfraError("the nursery ended"))
        self._starting.clear()


def nursery_argv() -> list[str]:
    """The command that starts a nursery."""
    return [sys.executable, "-m", "pumphouse.shell.execute_run"]

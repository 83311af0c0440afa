# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Starting outside programs, and running them to their end: the one place where the lab does it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pumphouse.core.errors import InfraError
from pumphouse.core.process import die_with_parent


async def run_command(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    package: str = "",
) -> tuple[int, str]:
    """The return code (negative for a signal) and the output, both streams together, of a program.

    The program leads a process group of its own, which is killed when the caller is cancelled; it dies with this
    process. `on_line` sees each line as it comes. Raises InfraError where the program is not on this machine.
    """
    try:
        process = await start_program(
            argv,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
    except FileNotFoundError as error:
        raise InfraError(
            f"{argv[0]} is not on this machine",
            where=" ".join(argv)[:200],
            next_step=f"sudo apt-get install {package or argv[0]}",
        ) from error
    lines = []
    try:
        stream = process.stdout
        while stream is not None and (raw := await stream.readline()):
            line = raw.decode(errors="replace").rstrip("\n")
            lines.append(line)
            if on_line is not None:
                on_line(line)
        code = await process.wait()
    finally:
        if process.returncode is None:
            await kill_group(process)
    return code, "\n".join(lines)


async def start_program(argv: Sequence[str], **options: Any) -> asyncio.subprocess.Process:
    """A started program, which leads a process group of its own and dies with this process; its output is a pipe.

    `options` are those of asyncio.create_subprocess_exec. A caller that is cancelled while the program starts leaves
    no process behind. Raises FileNotFoundError where the program is not on this machine.
    """
    parent = os.getpid()
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,
            preexec_fn=lambda: die_with_parent(parent, signal.SIGKILL),
            **options,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cut off while it starts, asyncio would kill the program and leave what it has started already.
        with contextlib.suppress(OSError):
            await kill_group(await starting)
        raise


async def kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill a program that `start_program` started, with all that it started; returns when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()

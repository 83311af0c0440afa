# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse up`: the web server and the worker in one process, ended together by one signal."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.executor import make_executor
from pumphouse.core.parts import find_parts, resolve
from pumphouse.core.site import Site
from pumphouse.core.terminal import opened_site, say
from pumphouse.shell.asgi import create_asgi

MAX_SOCKET_MESSAGE = 1 << 16  # bytes; pages send a few hundred
GRACE_S = 1  # for open connections; WebSockets are closed with 1012, "service restart" (RFC 6455 registry)


class _Server(uvicorn.Server):
    """A server that leaves the signals to `serve`, which also has a worker to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        self.should_exit = True


async def serve(root: Path, *, host: str | None, port: int | None) -> int:
    """Serve the site until SIGINT or SIGTERM; returns the exit code. Raises UserError where the port is taken."""
    async with opened_site(root) as site:
        site.check()
        web = site.settings.web
        listening = listen(host or web.host, port or web.port)
        url = f"http://{_bracketed(listening)}"
        await prepare(site, url=url)
        config = uvicorn.Config(
            create_asgi(site),
            ws="websockets-sansio",
            ws_max_size=MAX_SOCKET_MESSAGE,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
        server, executor = _Server(config), make_executor(site)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.handle_exit(signal.SIGINT, None)
            executor.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        say(f"{site.settings.site.name} on {url}   Ctrl-C stops it")
        await _all_or_none(server.serve(sockets=[listening]), executor.serve(), stop=stop)
        say("stopped; runs that were cut off continue at the next start")
    return 0


async def _all_or_none(*works: object, stop: object) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop()  # type: ignore[operator]
    await asyncio.gather(*tasks)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UserError naming the port and two ways out where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        raise UserError(
            f"port {port} is in use" if taken else f"cannot listen on {host} port {port}",
            where=f"{host}:{port}",
            why="another program listens there, perhaps this site" if taken else error.strerror or str(error),
            next_step=f"end it (`ss -ltnp sport = :{port}` names it), or take another: pumphouse up --port {port + 1}",
        ) from error
    return listening


async def prepare(site: Site, *, url: str) -> None:
    """What a site's start brings about before it serves: the first administrator's link, the first runs."""
    from pumphouse.core.auth.links import first_administrator_link  # noqa: PLC0415

    if link := await first_administrator_link(site, base_url=url):
        say(f"sign in as administrator (once, within {site.settings.auth.sign_in_link_minutes} min): {link}")
    if site.settings.worker.first_runs:
        for part in find_parts():
            if part.first_runs:
                await resolve(part.first_runs)(site)


def _bracketed(listening: socket.socket) -> str:
    name = listening.getsockname()
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

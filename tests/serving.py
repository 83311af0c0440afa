# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A real server for the tests of net and browser: uvicorn with a site's application, on a free port, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar

from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.shell.asgi import create_asgi


@dataclass
class Served:
    """A site that is served. `call` runs a coroutine where the server runs, with the site that it serves."""

    url: str
    site: Site
    app: Litestar
    loop: asyncio.AbstractEventLoop

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextlib.contextmanager
def serving(root: Path, *, port: int = 0) -> Iterator[Served]:
    """Serve the site at `root` as long as the block lasts."""
    listening = socket.create_server(("127.0.0.1", port))
    started = threading.Event()
    found: list[Served] = []
    servers: list[uvicorn.Server] = []

    async def main() -> None:
        site = Site(root)
        await upgrade_schema(site.database)
        app = create_asgi(site)
        config = uvicorn.Config(
            app, ws="websockets-sansio", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        servers.append(uvicorn.Server(config))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        found.append(Served(url=url, site=site, app=app, loop=asyncio.get_running_loop()))
        started.set()
        await servers[0].serve(sockets=[listening])
        await site.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="server")
    thread.start()
    try:
        if not started.wait(30):
            raise AssertionError("the server did not start")
        yield found[0]
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(10)
        listening.close()

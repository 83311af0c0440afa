# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The WebSocket behind every live page.

The page sends {"watch": ["run:41", "log:41:120"]}; it gets the messages of pumphouse.core.live, the present state
first.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect, WebSocketException

from pumphouse.core.live import Watcher
from pumphouse.core.web.access import SignInNeededError, identify
from pumphouse.core.web.web import Web, web_of

SEND_S = 30.0  # a client that takes nothing for so long is gone
IDENTIFY_S = 60.0  # how soon a session that ended, or a role that changed, ends the feed
MAX_MESSAGE = 4096  # characters
MAX_WATCHERS = 2000

GONE, FORBIDDEN, TOO_MANY, BAD = 1001, 4403, 4429, 4400


class Watch(msgspec.Struct, frozen=True):
    """What a page asks for."""

    watch: list[str]


@websocket("/live", opt={"role": "viewer"})
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    """Send what the page watches, until it goes."""
    web = web_of(socket)
    await socket.accept()
    if len(web.feed.watchers) >= MAX_WATCHERS:
        await socket.close(code=TOO_MANY, reason="too many pages are open")
        return
    async with web.feed.watcher() as watcher:
        works = [asyncio.ensure_future(_listen(socket, watcher)), asyncio.ensure_future(_send(socket, web, watcher))]
        done, pending = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in pending:
            work.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for work in done:
            if (error := work.exception()) and not isinstance(error, WebSocketDisconnect | TimeoutError):
                raise error


async def _listen(socket: WebSocket[Any, Any, Any], watcher: Watcher) -> None:
    while True:
        text = await socket.receive_text()
        try:
            if len(text) > MAX_MESSAGE:
                raise msgspec.ValidationError("the message is too long")
            wanted = msgspec.json.decode(text, type=Watch)
        except msgspec.DecodeError as error:
            raise WebSocketException(detail=str(error)[:100], code=BAD) from error
        await watcher.watch(wanted.watch)


async def _send(socket: WebSocket[Any, Any, Any], web: Web, watcher: Watcher) -> None:
    identified_at = time.monotonic()
    while True:
        try:
            messages = await asyncio.wait_for(watcher.take(), IDENTIFY_S)
        except TimeoutError:
            messages = []
        if time.monotonic() - identified_at >= IDENTIFY_S:
            identified_at = time.monotonic()
            if not await _still_may(socket, web):
                await socket.close(code=FORBIDDEN, reason="you have been signed out")
                return
        for message in messages:
            await asyncio.wait_for(socket.send_data(message, mode="text"), SEND_S)


async def _still_may(socket: WebSocket[Any, Any, Any], web: Web) -> bool:
    try:
        return (await identify(socket, web)).may("viewer")
    except SignInNeededError:
        return False

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The WebSocket of live pages, on a real server with real sockets."""

import asyncio
import contextlib
import json
import socket

import pytest
from tests.serving import serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pumphouse.core import live
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import LogLine
from pumphouse.core.web import live as web_live

pytestmark = [pytest.mark.net, pytest.mark.anyio]


@pytest.fixture
def served(site_root, demo_part):
    with serving(site_root) as served:
        yield served


def claimed(served):
    return served.call(
        served.site.runs.create_claimed(
            kind="demo.count", title="count", params={}, actor="test", owner=Owner.current(), lease_s=600
        )
    )


def address(served):
    return served.url.replace("http:", "ws:") + "/live"


async def messages(connection, kind, count=1):
    """The next messages of a kind."""
    found = []
    async with asyncio.timeout(10):
        while len(found) < count:
            message = json.loads(await connection.recv())
            if message["type"] == kind:
                found.append(message)
    return found


async def until(condition):
    async with asyncio.timeout(20):
        while not (found := condition()):
            await asyncio.sleep(0.05)
    return found


async def test_a_page_sees_the_state_and_then_every_change(served):
    lease = claimed(served)
    async with connect(address(served)) as page:
        await page.send(json.dumps({"watch": [f"run:{lease.run_id}", f"log:{lease.run_id}"]}))
        (first,) = await messages(page, "run")
        assert (first["run"]["progress"], first["left_s"] is not None) == (0.0, True)
        line = LogLine(seq=1, at=0.0, level="info", text="it began")
        served.call(served.site.runs.renew(lease, lease_s=600, progress=0.5, log=[line]))
        seen = await received_until(page, lambda found: any(has_line(item) for item in found) and is_half(found))
        assert [item["lines"][0]["text"] for item in seen if has_line(item)] == ["it began"]


def has_line(message):
    return message["type"] == "log"


def is_half(found):
    return any(message["type"] == "run" and message["run"]["progress"] == 0.5 for message in found)


async def received_until(connection, is_enough):
    found = []
    async with asyncio.timeout(10):
        while not is_enough(found):
            found.append(json.loads(await connection.recv()))
    return found


async def test_a_page_may_watch_something_else_on_the_same_socket(served):
    first, second = claimed(served), claimed(served)
    async with connect(address(served)) as page:
        await page.send(json.dumps({"watch": [f"run:{first.run_id}"]}))
        assert (await messages(page, "run"))[0]["run"]["id"] == first.run_id
        await page.send(json.dumps({"watch": [f"run:{second.run_id}"]}))
        await until(lambda: {f"run:{second.run_id}"} in [each.topics for each in served.app.state["web"].feed.watchers])
        while (await messages(page, "run"))[0]["run"]["id"] != second.run_id:
            pass


async def test_a_client_that_does_not_read_is_dropped_to_a_snapshot_and_delays_nobody(served, monkeypatch):
    monkeypatch.setattr(live, "LOOK_S", 0.02)
    lease = claimed(served)
    feed = served.app.state["web"].feed
    topics = {"watch": [f"run:{lease.run_id}", f"log:{lease.run_id}"]}
    # A client whose kernel takes little, and which reads nothing: its connection fills and stays full.
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", served.port))
    stuck = connect(address(served), sock=raw, max_queue=1, compression=None, close_timeout=0.5)
    async with connect(address(served), compression=None) as quick, stuck as slow:
        await quick.send(json.dumps(topics))
        await slow.send(json.dumps(topics))
        await until(lambda: [watcher for watcher in feed.watchers if watcher.topics] and len(feed.watchers) == 2)
        seq = 0
        for number in range(200):
            lines = [LogLine(seq=seq + k, at=0.0, level="info", text="x" * 4000) for k in range(1, 101)]
            seq += 100
            served.call(served.site.runs.renew(lease, lease_s=600, progress=number / 200, log=lines))
            while (await messages(quick, "log"))[-1]["lines"][-1]["seq"] < seq:
                pass
            if any(watcher.is_behind for watcher in feed.watchers):
                break
        assert [watcher.is_behind for watcher in feed.watchers].count(True) == 1
        queued = [sum(map(len, watcher._queue)) for watcher in feed.watchers]
        assert max(queued) == 0, "what was queued for the slow client was let go"
        # It reads again: after what was on its way comes the present state.
        last = 0
        async with asyncio.timeout(20):
            while last < seq:
                message = json.loads(await slow.recv())
                if message["type"] == "log":
                    last = message["lines"][-1]["seq"]


async def test_nothing_is_looked_at_while_nobody_watches(served):
    feed = served.app.state["web"].feed
    async with connect(address(served)) as page:
        await page.send(json.dumps({"watch": ["runs"]}))
        await until(lambda: feed._looking is not None)
    await until(lambda: feed._looking is None)
    assert not feed.watchers


async def test_a_page_of_another_site_may_not_listen(served):
    with pytest.raises(InvalidStatus):
        async with connect(address(served), origin="https://evil.example"):
            pass
    async with connect(address(served), origin=served.url):
        pass


@pytest.mark.parametrize("text", ["nonsense", b"\x00\xff", '{"watch": 3}', "[]", '{"watch": ["' + "x" * 5000 + '"]}'])
async def test_a_message_that_means_nothing_ends_the_connection(served, text):
    async with connect(address(served)) as page:
        await page.send(text)
        with pytest.raises(ConnectionClosed) as caught:
            async with asyncio.timeout(10):
                await page.recv()
    assert caught.value.rcvd.code == 4400


async def test_a_session_that_ended_ends_the_feed(served, monkeypatch):
    monkeypatch.setattr(web_live, "IDENTIFY_S", 0.1)
    web = served.app.state["web"]
    account = served.call(web.accounts.add("anne", "viewer", actor="test"))
    secret = served.call(web.sessions.begin(account.id, name="anne", days=1, user_agent="", how="test"))
    headers = {"cookie": f"pumphouse={secret}", "origin": served.url}
    async with connect(address(served), additional_headers=headers) as page:
        await page.send(json.dumps({"watch": ["runs"]}))
        web.site.settings = replaced_role(web.site.settings)
        served.call(web.accounts.disable(account.id, actor="test"))
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await page.recv()
    assert page.close_code == 4403


def replaced_role(settings):
    from msgspec.structs import replace

    return replace(settings, auth=replace(settings.auth, anonymous_role="nobody"))

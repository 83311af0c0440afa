# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages of the part, rendered from real comparisons of the fake board."""

from __future__ import annotations

import asyncio
import html
import re

import pytest
from litestar.testing import AsyncTestClient

from pumphouse.core.jobs.execute import execute
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.lab.fake import PANIC
from pumphouse.latency import bench, jobs
from pumphouse.latency.domain.request import CompareRequest
from pumphouse.latency.kinds import COMPARE, queue_first_runs
from pumphouse.latency.web import pages
from pumphouse.shell.asgi import create_asgi

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

FAKE = {"board": "fake", "a": "fake:stock", "b": "fake:realtime", "cycles": 1000}


@pytest.fixture
async def site(site_root):
    opened = Site(site_root)
    await upgrade_schema(opened.database)
    yield opened
    await opened.close()


async def compare(site):
    lease = await site.runs.create_claimed(
        kind=COMPARE, title="t", params=FAKE, actor="me", owner=Owner.current(), lease_s=60
    )
    await execute(site, lease, jobs.jobs()[COMPARE], stop=asyncio.Event())
    return await site.runs.get(lease.run_id)


async def fetch(site, path):
    async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def test_a_site_without_a_comparison_tells_what_brings_one(site):
    text = await fetch(site, "/latency")
    assert "No kernel has been compared here yet" in text
    assert "pumphouse latency compare" in text
    assert await pages.show_cards(site) == []


async def test_the_page_answers_first_and_shows_the_evidence(site):
    run = await compare(site)
    for path in ("/latency", f"/runs/{run.id}"):
        text = await fetch(site, path)
        assert run.summary in text
        for heading in (
            "B against A, by boots",
            "Above 400 modelled microseconds",
            "Each boot, in modelled",
            "What was",
        ):
            assert text.index(run.summary) < text.index(heading)
        assert "evidence and not a guarantee" in text
        assert "Nothing was booted" in text


async def test_the_chart_of_the_page_holds_every_cycle(site):
    run = await compare(site)
    body = await pages.load_comparison(site, run)
    comparison, chart = body["comparison"], body["chart"]
    for series, side in zip(chart.series, (comparison.a, comparison.b), strict=True):
        assert sum(series.y) == sum(boot.cycles for boot in side.boots)
        assert len(series.x) == len(series.y)
    assert chart.x.unit == "modelled microseconds"


async def test_the_card_tells_the_last_verdict_and_leads_to_it(site):
    run = await compare(site)
    (card,) = await pages.show_cards(site)
    assert (card.body, card.state, card.link) == (run.summary, "good", f"/runs/{run.id}")
    assert len(card.series) == 5
    assert run.summary in await fetch(site, "/")


async def test_the_page_has_the_command_that_repeats_exactly_this(site):
    run = await compare(site)
    report = (await site.runs.artifact_path(run.id, "report.txt", site.artifacts)).read_text(encoding="utf-8")
    command = re.search(r"pumphouse latency compare .*?--seed=\d+", re.sub(r" *\\\n *", " ", report))[0]
    assert command.endswith(f"--seed={run.id}")
    assert command in await fetch(site, f"/runs/{run.id}")


async def test_a_comparison_without_a_verdict_tells_why(site, monkeypatch):
    opened = bench.open_bench(CompareRequest(**FAKE))
    opened.lab.failures = [PANIC.encode() + b"\n"] * 10
    monkeypatch.setattr(jobs, "open_bench", lambda _request: opened)
    run = await compare(site)
    text = await fetch(site, f"/runs/{run.id}")
    assert "Why there is no verdict" in text
    assert "no valid boot" in text
    assert "the kernel died: Kernel panic" in text


async def test_a_run_that_has_not_ended_tells_what_will_stand_there(site):
    await queue_first_runs(site)
    assert "The histograms, the test and each boot stand here" in await fetch(site, "/runs/1")


async def test_the_site_starts_what_the_command_line_starts():
    (startable,) = pages.pages().startables
    assert startable.has_defaults
    request = CompareRequest(boots=7, a="deb:x y")
    assert startable.command(request) == "pumphouse latency compare --boots=7 --a='deb:x y'"
    assert startable.title(CompareRequest()) == "Compare linux-image-rt-amd64 with linux-image-amd64, stress on qemu"

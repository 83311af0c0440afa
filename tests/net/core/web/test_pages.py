# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the pages say."""

import html
import re

import pytest

from pumphouse.core.errors import ErrorText
from pumphouse.core.jobs.records import Artifact, LogLine, Measurement
from pumphouse.core.jobs.state import State

pytestmark = [pytest.mark.net, pytest.mark.anyio]


@pytest.fixture
def read(client):
    """A function that reads a page as somebody sees it: without tags, on one line."""

    async def read(path, **headers):
        answer = await client.get(path, headers={"accept": "text/html", **headers})
        assert answer.status_code == 200, answer.text
        words = re.sub(r"<[^>]+>", " ", re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL))
        return re.sub(r"\s+", " ", html.unescape(words))

    return read


async def done(site, claimed, summary="counted to 3", **more):
    lease = await claimed(**more)
    await site.runs.finish(lease, state=State.DONE, summary=summary, verdict="done", result={"steps": 3})
    return lease.run_id


async def test_a_site_on_which_nothing_ran_tells_what_brings_the_first_result(read, person):
    stranger = await read("/")
    assert "Nothing has run here yet" in stranger
    assert "pumphouse demo count --steps 3" in stranger
    assert "Count to three" in await read("/", **(await person("operator")).headers)
    assert "Every piece of work that the site does will stand here" in await read("/runs")


async def test_home_tells_what_runs_how_far_and_how_long_still(site, claimed, read):
    lease = await claimed(title="6.1-rt against 6.1")
    await site.runs.renew(lease, lease_s=60, progress=0.25, progress_text="boot 2 of 5")
    await site.runs.create(kind="demo.count", title="the next", params={}, actor="test")
    page = await read("/")
    assert "6.1-rt against 6.1: running" in page
    assert "25 % boot 2 of 5" in page
    assert "left" in page
    assert "the next takes about 2.0 s" in page, "guessed by the part as long as there is no history"


async def test_home_shows_the_last_answer_and_the_cards(site, claimed, read):
    await done(site, claimed, "p99.9 is 101 us")
    page = await read("/")
    assert page.count("p99.9 is 101 us") == 3  # the answer, the card, the list
    assert "Realtime kernel" in page


async def test_a_part_whose_cards_fail_does_not_take_the_page_along(web, read):
    from dataclasses import replace

    async def broken(_site):
        raise RuntimeError("oh")

    web.parts = [replace(web.parts[0], cards=broken)]
    assert "cannot be shown now: a bug in the part: RuntimeError" in await read("/")


async def test_the_runs_are_filtered_by_state_part_and_kind(site, claimed, client, read):
    await done(site, claimed, title="a good one")
    await site.runs.create(kind="other.thing", title="a waiting one", params={}, actor="test")
    assert "1 queued, 1 done" in await read("/runs")
    for query, good, waiting in [
        ("state=done", True, False),
        ("state=queued&state=running", False, True),
        ("part=demo", True, False),
        ("kind=other.thing", False, True),
    ]:
        page = await read(f"/runs?{query}")
        assert ("a good one" in page, "a waiting one" in page) == (good, waiting), query
    assert "No run is like that" in await read("/runs?state=failed")


async def test_fifty_runs_stand_on_a_page_and_a_link_leads_to_the_older_ones(site, client, read):
    for number in range(1, 54):
        await site.runs.create(kind="demo.count", title=f"run-title-{number}.", params={}, actor="test")
    page = (await client.get("/runs?part=demo", headers={"accept": "text/html"})).text
    assert "run-title-53." in page
    assert "run-title-4." in page
    assert "run-title-3." not in page
    older = re.search(r'href="([^"]+)" rel="next"', page)[1].replace("&amp;", "&")
    assert older == "/runs?part=demo&before=4"
    assert "run-title-3." in await read(older)


async def test_a_run_page_has_the_answer_the_evidence_and_the_way_to_repeat_it(site, claimed, client, read):
    lease = await claimed(params={"steps": 7})
    await site.runs.begin_step(lease, "boot rt 1")
    await site.runs.end_step(lease, "boot rt 1", state="done")
    await site.runs.add_measurements(
        lease, [Measurement(name="p99.9", value=101.4375, unit="us", labels={"kernel": "rt", "boot": "1"})]
    )
    sha256, size = site.artifacts.add(b"x" * 1234)
    await site.runs.add_artifact(
        lease, Artifact(name="a/b c.txt", media_type="text/plain", size=size, sha256=sha256, created_at=0)
    )
    await site.runs.renew(
        lease, lease_s=60, log=[LogLine(seq=1, at=0, level="info", text="<script>alert(1)</script> began")]
    )
    await site.runs.finish(lease, state=State.DONE, summary="it is better", verdict="better", result={"steps": 7})
    page = await read(f"/runs/{lease.run_id}")
    for words in ("it is better", "boot rt 1", "boot 1, kernel rt", "101 us", "a/b c.txt", "1.23 kB"):
        assert words in page
        assert "pumphouse demo count --steps 7" in page
    assert "What was counted" in page, "the part's own evidence"
    source = (await client.get(f"/runs/{lease.run_id}", headers={"accept": "text/html"})).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; began" in source
    assert 'title="101.4375 us"' in source
    (href,) = re.findall(r'href="([^"]+/artifacts/[^"]+)"', source)
    content = await client.get(href)
    assert content.text == "x" * 1234
    assert (await client.get(f"/runs/{lease.run_id}/log")).text == "<script>alert(1)</script> began\n"


async def test_a_failed_run_tells_what_where_why_and_the_next_step(site, claimed, read, person):
    lease = await claimed(kind="demo.fail_infra")
    text = ErrorText(what="the guest is gone", where="boot 1", why="panic", next_step="look at dmesg", kind="infra")
    await site.runs.finish(lease, state=State.FAILED, summary=text.what, error=text)
    page = await read(f"/runs/{lease.run_id}")
    for words in ("the guest is gone", "Where boot 1", "Why panic", "Next look at dmesg"):
        assert words in page
    assert "Retry run" not in page
    assert f"Retry run {lease.run_id}" in await read(f"/runs/{lease.run_id}", **(await person("operator")).headers)


async def test_measurements_are_sorted_and_found_without_scripts(site, claimed, read):
    lease = await claimed(kind="demo.other")
    await site.runs.add_measurements(
        lease, [Measurement(name="max", value=float(n), unit="us", labels={"boot": str(n)}) for n in range(60)]
    )
    first = await read(f"/runs/{lease.run_id}?measurements.sort=-value")
    assert "1 of 2" in first
    assert first.index("boot 59") < first.index("boot 58")
    assert "boot 9 max" not in first
    found = await read(f"/runs/{lease.run_id}?measurements.find=boot+7")
    assert "boot 7" in found
    assert "boot 8" not in found


async def test_cancelling_and_retrying_name_who_did_it(site, client, person):
    anne = await person("operator", "anne")
    run = await site.runs.create(kind="demo.count", title="x", params={}, actor="test")
    answer = await client.post(f"/runs/{run.id}/cancel", headers=anne.headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    assert (await site.runs.get(run.id)).summary == "cancelled by anne before it started"
    twice = await client.post(f"/runs/{run.id}/cancel", headers=anne.headers)
    assert (twice.status_code, "has ended" in twice.json()["title"]) == (409, True)
    await client.post(f"/runs/{run.id}/retry", headers=anne.headers)
    assert (await site.runs.get(run.id)).state is State.QUEUED


async def test_what_a_browser_could_execute_is_saved_and_not_shown(site, claimed, client):
    lease = await claimed()
    for name, media_type in [("r.html", "text/html"), ("p.svg", "image/svg+xml"), ("p.png", "image/png")]:
        sha256, size = site.artifacts.add(name.encode())
        await site.runs.add_artifact(
            lease, Artifact(name=name, media_type=media_type, size=size, sha256=sha256, created_at=0)
        )
    shown = {}
    for name in ("r.html", "p.svg", "p.png"):
        answer = await client.get(f"/runs/{lease.run_id}/artifacts/{name}")
        shown[name] = answer.headers["content-disposition"].partition(";")[0]
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown == {"r.html": "attachment", "p.svg": "attachment", "p.png": "inline"}
    assert (await client.get(f"/runs/{lease.run_id}/artifacts/none")).status_code == 404
    assert (await client.get(f"/runs/{lease.run_id}/artifacts/..%2f..%2fpumphouse.db")).status_code == 404

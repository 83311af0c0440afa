# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages and the API of the part, with a probe's answers in the run table."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient

from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.shell.asgi import create_asgi
from pumphouse.syscalls.kinds import PROBE, queue_first_runs
from pumphouse.syscalls.web import pages

pytestmark = [pytest.mark.unit, pytest.mark.anyio]

AS_SEEN = (Path(__file__).parents[2] / "data" / "syscalls" / "probe_6.18.json").read_text()


def with_backport():
    """What was seen on 6.18.44, as if a vendor had brought LANDLOCK_ACCESS_FS_RESOLVE_UNIX of 7.1 to it."""
    probed = json.loads(AS_SEEN)
    (landlock,) = [call for call in probed["calls"] if call["name"] == "landlock_create_ruleset"]
    (word,) = [word for word in landlock["words"] if word["name"].endswith("handled_access_fs")]
    assert word["mask"] == "0xffff"
    word["mask"] = word["valid"] = "0x1ffff"
    return probed


PROBED = with_backport()


@pytest.fixture
async def site(site_root):
    opened = Site(site_root)
    await upgrade_schema(opened.database)
    yield opened
    await opened.close()


async def put_probe(site, result=PROBED, **params):
    lease = await site.runs.create_claimed(
        kind=PROBE, title="t", params=params, actor="me", owner=Owner.current(), lease_s=60
    )
    await site.runs.finish(lease, state=State.DONE, summary="the summary", verdict="done", result=result)
    return lease.run_id


async def fetch(site, path, status=200):
    async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text[:500]
    return answer


def plain(answer):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def test_a_site_that_has_not_probed_tells_what_brings_the_answer(site):
    text = plain(await fetch(site, "/syscalls"))
    assert "This kernel has not been asked yet" in text
    assert "pumphouse syscalls probe --no-cache" in text
    assert await pages.show_cards(site) == []
    await queue_first_runs(site)
    assert "stands here when the kernel has answered" in plain(await fetch(site, "/runs/1"))


async def test_the_page_answers_first_and_then_shows_each_call(site):
    run_id = await put_probe(site)
    text = plain(await fetch(site, "/syscalls"))
    answer = "6.18.44 has 46 of the 47 calls that were asked, 68 flag words answered: 1 thing beyond mainline 6.18."
    assert text.index(answer) < text.index("Where it differs") < text.index("Each call on 6.18.44")
    assert "landlock_create_ruleset.LANDLOCK_ACCESS_FS_RESOLVE_UNIX" in text
    assert "0x7fffc3" in plain(await fetch(site, f"/runs/{run_id}"))


async def test_a_kernel_that_is_as_its_release_is_said_to_be_so(site):
    await put_probe(site, result=json.loads(AS_SEEN))
    text = plain(await fetch(site, "/syscalls"))
    assert "68 flag words answered: as mainline 6.18." in text
    assert "Where it differs" not in text
    (card,) = await pages.show_cards(site)
    assert card.state == "good"


async def test_the_card_says_the_same_and_asks_to_look_where_it_differs(site):
    await put_probe(site)
    (card,) = await pages.show_cards(site)
    assert (card.state, card.link) == ("attention", "/syscalls")
    assert card.body in plain(await fetch(site, "/"))


async def test_a_probe_of_some_calls_is_not_the_kernels_answer(site):
    await put_probe(site, names=["openat2"])
    assert "has not been asked yet" in plain(await fetch(site, "/syscalls"))


async def test_a_result_of_another_shape_is_not_shown_as_an_answer(site):
    run_id = await put_probe(site, result={"release": "6.18"} | {"calls": [{"name": 1}]})
    assert "has not been asked yet" in plain(await fetch(site, "/syscalls"))
    await fetch(site, f"/runs/{run_id}")


@pytest.mark.parametrize(
    ("find", "has", "has_not"),
    [
        ("RESOLVE_CACHED", ["RESOLVE_CACHED", "5.12", "2021-04-25", "has it", "1 of"], "CLONE_VM"),
        ("open_how+ver0", ["24 bytes"], "CLONE_VM"),
        ("landlock+errata", ["early: debian 6.1.192-2"], "RESOLVE_CACHED"),
        ("landlock+resolve_unix", ["has it early"], "RESOLVE_CACHED"),
        ("clone3+7.1", ["CLONE_AUTOREAP", "not yet"], "CLONE_VM"),
        ("zzz", ["Nothing has “zzz”"], "CLONE_VM"),
    ],
)
async def test_the_matrix_is_searched_by_the_address(site, find, has, has_not):
    await put_probe(site)
    text = plain(await fetch(site, f"/syscalls/matrix?matrix.find={find}"))
    facts = text[text.index("Calls, sizes and flags") : text.index("Calls by releases")]
    for word in has:
        assert word in facts
    assert has_not not in facts


async def test_the_matrix_sorts_releases_as_they_came(site):
    text = plain(await fetch(site, "/syscalls/matrix?matrix.sort=-since&matrix.find=landlock"))
    facts = text[text.index("Calls, sizes and flags") : text.index("Calls by releases")]
    assert facts.index("7.2 2026-08-16") < facts.index("7.1 2026") < facts.index("6.15 ") < facts.index("6.7 2024")


async def test_the_grid_tells_what_each_release_brought(site):
    page = (await fetch(site, "/syscalls/matrix")).text
    row = re.search(r'<a href="/syscalls/calls/clone3">.*?</tr>', page, re.DOTALL)[0]
    cells = re.findall(r'data-label="([\d.]+)" class="(\w+)">(.*?)</td>', row)
    told = {release: re.sub(r"<[^>]+>", "", text).replace("&#8239;", " ") for release, _, text in cells if text}
    assert told == {"5.3": "64 B +23", "5.5": "80 B +1", "5.6": "+1", "5.7": "88 B +1", "7.1": "+4"}
    assert {kind for release, kind, _ in cells if release == "6.1"} == {"there"}


async def test_a_page_of_a_call_shows_sizes_flags_and_vendors(site):
    await put_probe(site)
    text = plain(await fetch(site, "/syscalls/calls/openat2"))
    assert "In mainline since 5.6 (2020-03-29): openat2" in text
    assert "sizes beyond a page give E2BIG" in text
    assert re.search(r"RESOLVE_CACHED 0x20 5\.12 2021-04-25 has it", text)
    assert re.search(r"OPENAT2_REGULAR 0x100000000 7\.2 2026-08-16 not yet", text)


@pytest.mark.parametrize("path", ["/syscalls/calls/zork", "/syscalls/rules/R99"])
async def test_what_is_not_there_is_a_404_that_tells_the_next_step(site, path):
    answer = await fetch(site, path, status=404)
    assert "R12" in answer.text or "/syscalls/matrix" in answer.text


async def test_the_rules_lead_to_each_other(site):
    text = (await fetch(site, "/syscalls/rules")).text
    assert text.count("<h1") == 1
    for number in range(1, 13):
        assert f'href="/syscalls/rules/R{number}"' in text
    rule = (await fetch(site, "/syscalls/rules/R6")).text
    assert rule.count("<h1") == 1
    assert 'href="/syscalls/rules/R5"' in rule
    assert 'href="/syscalls/rules/R7"' in rule


async def test_every_call_and_rule_has_a_page(site):
    from pumphouse.syscalls.database import shipped_database
    from pumphouse.syscalls.rule_pages import rule_pages

    async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
        for name in shipped_database().calls:
            assert (await client.get(f"/syscalls/calls/{name}")).status_code == 200, name
        for name in rule_pages():
            assert (await client.get(f"/syscalls/rules/{name}")).status_code == 200, name


async def test_the_api_gives_the_matrix_and_answers_since(site):
    run_id = await put_probe(site)
    matrix = (await fetch(site, "/api/syscalls/matrix?call=openat2")).json()
    assert (matrix["kernel"], matrix["run_id"]) == ("6.18.44", run_id)
    (fact,) = [fact for fact in matrix["facts"] if fact["name"] == "RESOLVE_CACHED"]
    assert (fact["since"], fact["mark"], fact["value"]) == ("5.12", "both", "0x20")
    answer = (await fetch(site, "/api/syscalls/since?name=clone3.VER2")).json()
    assert (answer["since"], answer["bytes"]) == ("5.7", 88)
    problem = (await fetch(site, "/api/syscalls/since?name=RESOLVE_CACHD", status=404)).json()
    assert "did you mean" in problem["next_step"]
    problem = (await fetch(site, "/api/syscalls/since?name=MOUNT_ATTR_IDMAP", status=409)).json()
    assert "mount_setattr.MOUNT_ATTR_IDMAP" in problem["next_step"]


async def test_whoever_may_not_look_sees_nothing_of_it(site_root):
    (site_root / "pumphouse.toml").write_text('[auth]\nanonymous_role = "nobody"\n')
    site = Site(site_root)
    await upgrade_schema(site.database)
    for path in ("/syscalls", "/syscalls/matrix", "/syscalls/rules", "/syscalls/rules/R1", "/api/syscalls/matrix"):
        async with AsyncTestClient(create_asgi(site), base_url="http://127.0.0.1:8420") as client:
            answer = await client.get(path, follow_redirects=False, headers={"accept": "application/json"})
        assert answer.status_code in {401, 403}, path
    await site.close()

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a page of another site cannot do in somebody's name."""

import pytest

from pumphouse.core.auth.sessions import csrf_token

pytestmark = [pytest.mark.net, pytest.mark.anyio]

START = {"json": {"kind": "demo.count"}}


async def start(client, headers):
    return await client.post("/api/runs", json={"kind": "demo.count"}, headers=headers)


async def test_a_session_needs_its_token_in_the_header_or_in_the_form(client, person):
    anne = await person("operator")
    bare = {name: value for name, value in anne.headers.items() if name != "x-csrf-token"}
    assert (await start(client, anne.headers)).status_code == 201
    refused = await start(client, bare)
    assert (refused.status_code, refused.json()["where"]) == (403, "the CSRF token")
    form = {"kind": "demo.count", "csrf": csrf_token(anne.secret)}
    assert (await client.post("/runs", data=form, headers=bare, follow_redirects=False)).status_code == 303
    form["csrf"] = csrf_token("another session")
    assert (await client.post("/runs", data=form, headers=bare, follow_redirects=False)).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://127.0.0.1"])
async def test_another_origin_is_refused_even_with_the_token(client, person, origin):
    anne = await person("operator")
    refused = await start(client, anne.headers | {"origin": origin})
    assert (refused.status_code, refused.json()["title"]) == (403, "a page of another site asked for this")


@pytest.mark.parametrize("settings", ['[auth]\nanonymous_role = "operator"'])
async def test_where_strangers_may_start_runs_pages_of_other_sites_still_may_not(client):
    assert (await start(client, {})).status_code == 201, "a program sends no origin"
    assert (await start(client, {"origin": "http://127.0.0.1:8420"})).status_code == 201
    assert (await start(client, {"origin": "https://evil.example"})).status_code == 403
    assert (await start(client, {"sec-fetch-site": "cross-site"})).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", ""])
async def test_a_strangers_name_for_this_machine_is_not_answered(client, host):
    answer = await client.get("/api/runs", headers={"host": host})
    assert answer.status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "[::1]:8420", "localhost", "192.0.2.7"])
async def test_addresses_and_the_own_name_are_answered(client, host):
    assert (await client.get("/api/runs", headers={"host": host})).status_code == 200

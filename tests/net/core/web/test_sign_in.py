# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, people, tokens: as browsers and programs do it."""

import re

import pytest

from pumphouse.core.auth.audit import read_audit
from pumphouse.core.auth.links import first_administrator_link

pytestmark = [pytest.mark.net, pytest.mark.anyio]

PASSWORD = "four words that differ"
ORIGIN = {"origin": "http://127.0.0.1:8420"}
HTML = {"accept": "text/html"}


def form_token(page):
    return re.search(r'name="csrf" value="([^"]+)"', page)[1]


async def post(client, path, **fields):
    return await client.post(path, data=fields, headers=ORIGIN | HTML, follow_redirects=False)


async def test_the_printed_link_leads_to_an_administrator_with_a_password(client, site):
    path = (await first_administrator_link(site, base_url="http://127.0.0.1:8420")).removeprefix(
        "http://127.0.0.1:8420"
    )
    page = await client.get(path, headers=HTML)
    assert "Sign in as administrator" in page.text
    assert page.headers["referrer-policy"] == "same-origin", "the secret in the address stays here"
    assert "pumphouse" not in client.cookies, "looking at the link does not use it up"
    used = await post(client, path)
    assert (used.status_code, used.headers["location"]) == (303, "/account")
    assert re.search("HttpOnly.*SameSite=lax", used.headers["set-cookie"], re.IGNORECASE)
    token = form_token((await client.get("/account", headers=HTML)).text)
    changed = await post(client, "/account/password", csrf=token, new=PASSWORD)
    assert changed.headers["location"] == "/account?done=password"
    assert "The password is set" in (await client.get("/account?done=password", headers=HTML)).text
    assert (await post(client, path)).status_code == 403
    out = await post(client, "/sign-out", csrf=token)
    assert "Max-Age=0" in out.headers["set-cookie"]
    client.cookies.clear()
    again = await post(client, "/sign-in", name="administrator", password=PASSWORD, next="/people")
    assert (again.status_code, again.headers["location"]) == (303, "/people")
    assert (await client.get("/people", headers=HTML)).status_code == 200


async def test_a_wrong_password_keeps_the_name_and_tells_the_next_step(client, person):
    await person("viewer", "anne")
    answer = await post(client, "/sign-in", name="anne", password="wrong")
    assert answer.status_code == 403
    assert "name and password do not belong together" in answer.text
    assert 'value="anne"' in answer.text
    assert "ask an administrator" in answer.text
    assert "set-cookie" not in answer.headers


async def test_each_sign_in_begins_a_new_session_and_ends_the_one_before(client, web, person):
    anne = await person("viewer", "anne")
    await web.accounts.set_password(anne.account_id, old="", new=PASSWORD, actor="test", keep_session=1)
    client.cookies.set("pumphouse", anne.secret, domain="127.0.0.1")
    answer = await client.post(
        "/sign-in",
        data={"name": "anne", "password": PASSWORD},
        headers={k: v for k, v in anne.headers.items() if k != "cookie"},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    assert anne.secret not in answer.headers["set-cookie"]
    assert await web.sessions.identify(anne.secret) is None


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "x"]
)
async def test_the_sign_in_leads_nowhere_else(client, web, person, elsewhere):
    anne = await person("viewer", "anne")
    await web.accounts.set_password(anne.account_id, old="", new=PASSWORD, actor="test")
    answer = await post(client, "/sign-in", name="anne", password=PASSWORD, next=elsewhere)
    assert answer.headers["location"] == "/"


async def test_guessing_is_stopped_and_told_when_to_try_again(client):
    for _ in range(10):
        assert (await post(client, "/sign-in", name="anne", password="wrong")).status_code == 403
    answer = await post(client, "/sign-in", name="bert", password="wrong")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "too many tries" in answer.text.lower()


async def test_an_administrator_adds_somebody_who_comes_by_a_link_shown_once(client, person, site):
    boss = await person("administrator", "boss")
    headers = boss.headers | HTML
    answer = await client.post("/people", data={"name": "anne", "role": "operator"}, headers=headers)
    link = re.search(r"<code>(http://[^<]+)</code>", answer.text)[1]
    assert link not in (await client.get("/people", headers=headers)).text
    used = await client.post(link, headers=ORIGIN, follow_redirects=False)
    assert used.status_code == 303
    audit = [(entry.actor, entry.action, entry.subject) for entry in await read_audit(site.database)]
    assert audit[:3] == [
        ("anne", "session.begun", "anne"),
        ("boss", "link.created", "anne"),
        ("boss", "account.added", "anne"),
    ]
    page = (await client.get("/audit", headers=headers)).text
    assert "link.created" in page
    assert "boss" in page


async def test_the_last_administrator_is_kept_and_the_page_says_why(client, person):
    boss = await person("administrator", "boss")
    answer = await client.post(f"/people/{boss.account_id}/disable", headers=boss.headers)
    assert answer.status_code == 409
    assert answer.json()["next_step"] == "make somebody else an administrator first"


async def test_a_changed_role_counts_at_once(client, person, web):
    boss, anne = await person("administrator", "boss"), await person("viewer", "anne")
    refused = await client.post("/api/runs", json={"kind": "demo.count"}, headers=anne.headers)
    assert refused.status_code == 403
    changed = await client.post(
        f"/people/{anne.account_id}/role", data={"role": "operator"}, headers=boss.headers, follow_redirects=False
    )
    assert changed.status_code == 303
    accepted = await client.post("/api/runs", json={"kind": "demo.count"}, headers=anne.headers)
    assert (accepted.status_code, accepted.json()["created_by"]) == (201, "anne")
    await client.post(f"/people/{anne.account_id}/disable", headers=boss.headers)
    assert await web.sessions.identify(anne.secret) is None


async def test_a_token_acts_in_its_owners_name_until_it_is_revoked(client, person):
    anne = await person("operator", "anne")
    made = await client.post(
        "/account/tokens", data={"name": "ci", "role": "operator", "days": "9"}, headers=anne.headers | HTML
    )
    secret = re.search(r"<code>(pht_[^<]+)</code>", made.text)[1]
    assert secret not in (await client.get("/account", headers=anne.headers | HTML)).text
    token = {"authorization": f"Bearer {secret}"}
    run = (await client.post("/api/runs", json={"kind": "demo.count"}, headers=token)).json()
    assert run["created_by"] == "anne (token ci)"
    assert (await client.get("/account", headers=token)).status_code == 403
    await client.post("/account/tokens/1/revoke", headers=anne.headers)
    answer = await client.get("/api/runs", headers=token)
    assert (answer.status_code, answer.json()["title"]) == (401, "the API token is not valid")


async def test_a_token_for_more_than_ones_role_is_refused_with_the_form(client, person):
    anne = await person("viewer", "anne")
    answer = await client.post(
        "/account/tokens", data={"name": "ci", "role": "administrator", "days": "9"}, headers=anne.headers | HTML
    )
    assert answer.status_code == 403
    assert "would allow more than you may do" in answer.text


@pytest.mark.parametrize("settings", ['[web]\nbase_url = "https://pumphouse.example"'])
async def test_where_the_site_is_encrypted_its_cookie_is_too(client, site):
    link = await first_administrator_link(site, base_url="http://127.0.0.1:8420")
    assert link.startswith("https://pumphouse.example/sign-in/link/")
    answer = await client.post(
        link.removeprefix("https://pumphouse.example"),
        headers={"host": "pumphouse.example", "origin": "https://pumphouse.example"},
        follow_redirects=False,
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-pumphouse=")
    assert "Secure" in cookie


@pytest.mark.parametrize("settings", ['[auth]\nanonymous_role = "nobody"'])
async def test_a_closed_site_shows_a_stranger_nothing_but_the_sign_in(client):
    answer = await client.get("/", headers=HTML, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F")
    assert (await client.get("/sign-in", headers=HTML)).status_code == 200
    assert (await client.get("/api/runs")).status_code == 401

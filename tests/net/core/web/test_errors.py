# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Errors as pages and as problem+json: the same four sentences, and the headers of every answer."""

import pytest

from pumphouse.core.web import home as home_module

pytestmark = [pytest.mark.net, pytest.mark.anyio]

HTML = {"accept": "text/html"}


async def test_a_program_and_a_person_are_told_the_same(client):
    problem = await client.get("/api/runs/99")
    assert problem.headers["content-type"] == "application/problem+json"
    told = problem.json()
    assert (problem.status_code, told["status"], told["kind"]) == (404, 404, "user")
    assert told["title"] == "there is no run 99"
    page = await client.get("/runs/99", headers=HTML)
    assert page.status_code == 404
    assert told["next_step"] in page.text
    assert "there is no run 99" in page.text.lower()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/static/000000000000/pumphouse.css", 404),
        ("DELETE", "/api/runs/1", 405),
        ("POST", "/", 405),
        ("GET", "/api/runs?limit=0", 400),
        ("GET", "/api/runs?limit=x", 400),
        ("GET", "/api/runs?state=asleep", 400),
        ("GET", "/runs?state=asleep", 400),
        ("GET", "/api/runs/0", 400),
        ("GET", "/api/runs/99999999999999999999", 400),
        ("GET", "/api/events?after=-1", 400),
    ],
)
async def test_what_cannot_be_answered_is_told_as_a_problem(client, method, path, status):
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["title"]
    assert answer.json()["kind"] == "user"


async def test_a_body_that_cannot_be_read_names_the_field(client, person):
    anne = await person("operator")
    cases = {
        '{"kind": 3}': "kind",
        '{"kind": "demo.count", "prio": 1}': "prio",
        "{": "truncated",
        '{"kind": "demo.count", "priority": 1000}': "priority",
    }
    for body, words in cases.items():
        answer = await client.post(
            "/api/runs", content=body, headers=anne.headers | {"content-type": "application/json"}
        )
        assert answer.status_code == 400, body
        assert words in answer.json()["why"], body


async def test_a_bug_is_told_without_its_traceback(client, monkeypatch):
    async def broken(*_):
        raise KeyError("a secret of the code")

    monkeypatch.setattr(home_module, "load_cards", broken)
    answer = await client.get("/", headers=HTML)
    assert answer.status_code == 500
    assert "bug in Pumphouse: KeyError" in answer.text
    assert "a secret of the code" not in answer.text


async def test_a_database_that_is_gone_is_told_as_what_it_is(client, site):
    path = site.data_dir / "pumphouse.db"
    await site.database.close()
    path.unlink()
    path.mkdir()
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()["kind"]) == (503, "infra")
    assert answer.json()["where"].endswith("pumphouse.db")


@pytest.mark.parametrize("path", ["/", "/api/runs", "/nothing", "/api/nothing", "/healthz"])
async def test_every_answer_has_the_security_headers(client, path):
    headers = (await client.get(path, headers=HTML)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_an_answer_of_the_router_itself_has_them_too(client):
    assert "content-security-policy" in (await client.post("/")).headers


async def test_static_files_are_kept_for_a_year_and_compressed(client, web):
    answer = await client.get(f"/static/{web.static_version}/pumphouse.css")
    assert answer.status_code == 200
    assert set(answer.headers["cache-control"].split(", ")) == {"public", "max-age=31536000", "immutable"}
    assert answer.headers["content-encoding"] == "gzip"
    assert "no-store" in (await client.get("/", headers=HTML)).headers["cache-control"]


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "vendor/../../app.py"])
async def test_only_static_files_are_served(client, web, name):
    assert (await client.get(f"/static/{web.static_version}/{name}")).status_code == 404

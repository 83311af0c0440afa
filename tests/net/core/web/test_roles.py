# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Who may call which route: every route stands in the table, so a new one cannot be forgotten."""

import re

import pytest
from litestar.routes import HTTPRoute, WebSocketRoute

pytestmark = [pytest.mark.net, pytest.mark.anyio]

NEEDED = {
    ("GET", "/"): "viewer",
    ("GET", "/runs"): "viewer",
    ("POST", "/runs"): "operator",
    ("GET", "/runs/{run_id}"): "viewer",
    ("GET", "/runs/{run_id}/log"): "viewer",
    ("GET", "/runs/{run_id}/artifacts/{name}"): "viewer",
    ("POST", "/runs/{run_id}/cancel"): "operator",
    ("POST", "/runs/{run_id}/retry"): "operator",
    ("GET", "/api"): "viewer",
    ("GET", "/api/openapi.json"): "viewer",
    ("GET", "/api/runs"): "viewer",
    ("POST", "/api/runs"): "operator",
    ("GET", "/api/runs/{run_id}"): "viewer",
    ("GET", "/api/runs/{run_id}/log"): "viewer",
    ("GET", "/api/runs/{run_id}/artifacts/{name}"): "viewer",
    ("POST", "/api/runs/{run_id}/cancel"): "operator",
    ("POST", "/api/runs/{run_id}/retry"): "operator",
    ("GET", "/api/events"): "viewer",
    ("GET", "/healthz"): "nobody",
    ("GET", "/metrics"): "viewer",
    ("GET", "/sign-in"): "nobody",
    ("POST", "/sign-in"): "nobody",
    ("GET", "/sign-in/link/{secret}"): "nobody",
    ("POST", "/sign-in/link/{secret}"): "nobody",
    ("POST", "/sign-out"): "nobody",
    # One's own account: whoever has signed in, whatever their role.
    ("GET", "/account"): "signed in",
    ("POST", "/account/password"): "signed in",
    ("POST", "/account/tokens"): "viewer signed in",
    ("POST", "/account/tokens/{token_id}/revoke"): "signed in",
    ("POST", "/account/sessions/{session_id}/end"): "signed in",
    ("GET", "/people"): "administrator",
    ("POST", "/people"): "administrator",
    ("POST", "/people/{account_id}/link"): "administrator",
    ("POST", "/people/{account_id}/role"): "administrator",
    ("POST", "/people/{account_id}/disable"): "administrator",
    ("POST", "/people/{account_id}/enable"): "administrator",
    ("GET", "/audit"): "administrator",
    ("WS", "/live"): "viewer",
    ("GET", "/static/{file_path}"): "nobody",
    ("HEAD", "/static/{file_path}"): "nobody",
    ("GET", "/{missing}"): "nobody",
    ("GET", "/demo"): "viewer",
    # The framework's own pages are closed to everybody.
    ("GET", "/framework-schema"): "closed",
    ("GET", "/framework-schema/openapi.json"): "closed",
    ("GET", "/framework-schema/{path}"): "closed",
}

ORDER = ["nobody", "viewer", "operator", "administrator"]
BODIES = {
    "/api/runs": {"json": {"kind": "unknown"}},
    "/runs": {"data": {"kind": "unknown"}},
    "/sign-in": {"data": {"name": "x", "password": "y"}},
    "/account/password": {"data": {"new": "short"}},
    "/account/tokens": {"data": {"name": "", "role": "viewer", "days": "1"}},
    "/people": {"data": {"name": "<", "role": "viewer"}},
    "/people/999/role": {"data": {"role": "viewer"}},
}


def routes(app):
    found = []
    for route in app.routes:
        path = re.sub(r"/static/[0-9a-f]{12}", "/static", route.path_format)
        if isinstance(route, HTTPRoute):
            found += [(method, path, route.path_format) for method in route.route_handler_map if method != "OPTIONS"]
        elif isinstance(route, WebSocketRoute):
            found.append(("WS", path, route.path_format))
    return found


async def test_every_route_is_in_the_table(app):
    assert {(method, path) for method, path, _ in routes(app)} == set(NEEDED)


def may(role, needed):
    if needed == "closed":
        return False
    if needed.endswith("signed in"):
        return role != "nobody"
    return ORDER.index(role) >= ORDER.index(needed)


async def is_socket_refused(app, headers):
    """Whether the live feed is closed before it is accepted."""
    sent = []
    asked = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive():
        return asked.pop(0)

    async def send(message):
        sent.append(message["type"])

    raw = [(b"host", b"127.0.0.1:8420"), *((name.encode(), value.encode()) for name, value in headers.items())]
    scope = {"type": "websocket", "path": "/live", "raw_path": b"/live", "query_string": b"", "headers": raw}
    await app({**scope, "client": ("127.0.0.1", 1), "subprotocols": [], "state": {}, "extensions": {}}, receive, send)
    return sent[0] != "websocket.accept"


async def is_refused(client, person, method, path):
    """Whether the role was the reason; what was asked for may fail for another one, which is fine here."""
    answer = await client.request(
        method, path, headers=person.headers, follow_redirects=False, **BODIES.get(path, {}) if method == "POST" else {}
    )
    assert answer.status_code < 500 or path.startswith("/healthz"), answer.text
    assert not answer.headers.get("location", "").startswith("/sign-in"), "a program is not led to a form"
    text = answer.text if "json" in answer.headers.get("content-type", "") else ""
    return '"title":"this needs' in text


@pytest.mark.parametrize(
    ("role", "settings"), [("nobody", '[auth]\nanonymous_role = "nobody"'), *((role, "") for role in ORDER[1:])]
)
async def test_each_route_is_open_to_its_role_and_closed_to_lesser_ones(app, client, person, role):
    somebody = await person(role)
    # Ending one's own session would sign the person out, so it comes last.
    for method, path, real in sorted(routes(app), key=lambda item: item[1] == "/sign-out"):
        filled = re.sub(r"\{(run_id|account_id|token_id|session_id)\}", "999", real)
        filled = re.sub(r"\{[a-z_]+\}", "nothing", filled)
        app.state["web"].limiter._seen.clear()
        if method == "WS":
            refused = await is_socket_refused(app, somebody.headers)
        else:
            refused = await is_refused(client, somebody, method, filled)
        assert refused is not may(role, NEEDED[method, path]), (method, path)


async def test_a_handler_that_names_no_role_is_closed_to_everybody(client, person):
    boss = await person("administrator")
    answer = await client.get("/framework-schema/openapi.json", headers=boss.headers)
    assert answer.status_code == 403


async def test_a_browser_is_led_to_the_sign_in_and_back(client):
    answer = await client.get("/people?people.sort=name", headers={"accept": "text/html"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fpeople%3Fpeople.sort%3Dname"


async def test_a_program_is_told_that_it_needs_a_token(client):
    answer = await client.post("/api/runs", json={"kind": "demo.count"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON API and the metrics."""

import pytest

from pumphouse.core.jobs.records import LogLine

pytestmark = [pytest.mark.net, pytest.mark.anyio]


async def test_runs_are_listed_page_by_page_by_the_link_header(site, client):
    for number in range(5):
        await site.runs.create(kind="demo.count", title=str(number), params={}, actor="test")
    seen, path = [], "/api/runs?limit=2&state=queued"
    while path:
        answer = await client.get(path)
        seen += [run["title"] for run in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == ["4", "3", "2", "1", "0"]


async def test_a_run_has_its_steps_artifacts_and_measurements(client, claimed):
    lease = await claimed()
    run = (await client.get(f"/api/runs/{lease.run_id}")).json()
    assert (run["state"], run["steps"], run["artifacts"], run["measurements"]) == ("running", [], [], [])


async def test_a_log_is_read_from_a_line_on(site, client, claimed):
    lease = await claimed()
    lines = [LogLine(seq=number, at=0.0, level="info", text=f"line {number}") for number in range(1, 8)]
    await site.runs.renew(lease, lease_s=60, log=lines)
    found = (await client.get(f"/api/runs/{lease.run_id}/log?after=3&limit=2")).json()
    assert [line["text"] for line in found] == ["line 4", "line 5"]


async def test_a_run_is_started_with_the_parameters_of_its_kind_and_only_with_those(client, person):
    anne = await person("operator", "anne")

    async def start(**body):
        return await client.post("/api/runs", json=body, headers=anne.headers)

    run = (await start(kind="demo.count", params={"steps": 5}, idempotency_key="once")).json()
    assert (run["title"], run["state"]) == ("count to 5", "queued")
    assert run["params"] == {"trace": "/dev/null", "steps": 5, "pause_s": 0.0}
    assert (await start(kind="demo.count", params={"steps": 5}, idempotency_key="once")).json()["id"] == run["id"]
    wrong = await start(kind="demo.count", params={"steps": "five"})
    assert (wrong.status_code, wrong.json()["where"]) == (400, "params.steps")
    unknown = await start(kind="demo.count", params={"stops": 5})
    assert "stops" in unknown.json()["why"]
    hidden = await start(kind="demo.die")
    assert (hidden.status_code, "demo.count" in hidden.json()["next_step"]) == (400, True)


async def test_events_are_read_from_an_id_on(site, client):
    for _ in range(3):
        await site.runs.create(kind="demo.count", title="x", params={}, actor="test")
    first = (await client.get("/api/events?name=run.&limit=2")).json()
    assert [event["name"] for event in first] == ["run.created", "run.created"]
    rest = (await client.get(f"/api/events?after={first[-1]['id']}")).json()
    assert len(rest) == 1


async def test_the_metrics_count_runs_requests_and_watchers(site, client):
    run = await site.runs.create(kind="demo.count", title="x", params={}, actor="test")
    await client.get(f"/runs/{run.id}", headers={"accept": "text/html"})
    text = (await client.get("/metrics")).text
    assert 'pumphouse_runs{state="queued"} 1.0' in text
    assert 'pumphouse_http_requests_total{method="GET",route="/runs/{run_id}",status="200"} 1.0' in text
    assert "pumphouse_live_clients 0.0" in text
    await site.runs.cancel(run.id, actor="test")
    text = (await client.get("/metrics")).text
    assert 'pumphouse_runs{state="queued"} 0.0' in text, "a state that no run is in any more counts none"


async def test_the_page_about_the_api_names_every_operation(client):
    description = (await client.get("/api/openapi.json")).json()
    page = (await client.get("/api", headers={"accept": "text/html"})).text
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page
            assert operation["description"]
    assert "/api/runs/{run_id}/log" in description["paths"]

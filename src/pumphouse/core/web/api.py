# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON API. Its values are the records of pumphouse.core.jobs.records, which `--json` prints as well."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import PurePath
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from litestar.response import File

from pumphouse.core.events import StoredEvent, read_events
from pumphouse.core.jobs.records import Artifact, LogLine, Measurement, Run, RunSummary, Step
from pumphouse.core.jobs.state import State
from pumphouse.core.web.access import identity_of
from pumphouse.core.web.api_words import describe_operations, describe_shapes
from pumphouse.core.web.artifact import artifact_response
from pumphouse.core.web.errors import PROBLEM, Problem
from pumphouse.core.web.render import page
from pumphouse.core.web.runs import MAX_ID, RunId
from pumphouse.core.web.starting import start_run
from pumphouse.core.web.web import base_url, web_of

Count = Annotated[int, QueryParameter(ge=0, le=MAX_ID)]
Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


class RunDetail(Run, frozen=True, kw_only=True):
    """A run and what belongs to it, except its log."""

    steps: list[Step]
    artifacts: list[Artifact]
    measurements: list[Measurement]


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be done. The same `idempotency_key` again gives the run that it made before."""

    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    params: dict[str, Any] = {}
    priority: Annotated[int, msgspec.Meta(ge=-100, le=100)] = 0
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


def _problems(*statuses: HTTPStatus) -> dict[int, ResponseSpec]:
    """The errors of an operation, for the OpenAPI description."""
    return {
        int(status): ResponseSpec(
            data_container=Problem, description=status.phrase, media_type=PROBLEM, generate_examples=False
        )
        for status in statuses
    }


BAD, UNKNOWN, CONFLICT = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS


@get("/api/runs", opt={"role": "viewer"}, tags=["runs"], responses=_problems(BAD, *REFUSED), summary="List runs")
async def list_runs(
    request: Request[Any, Any, Any],
    *,
    states: Annotated[list[State] | None, QueryParameter(name="state")] = None,
    kind: FromQuery[str] = "",
    parent_id: Annotated[int | None, QueryParameter(ge=1, le=MAX_ID)] = None,
    before: Annotated[int | None, QueryParameter(ge=1, le=MAX_ID)] = None,
    limit: Limit = 50,
) -> Response[list[RunSummary]]:
    """Runs, newest first. `kind` is how the kind begins. The header Link names the next page (RFC 8288)."""
    found = await web_of(request).site.runs.find(
        states=states or [], kind_prefix=kind, parent_id=parent_id, before=before, limit=limit
    )
    headers = {}
    if len(found) == limit:
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "before"]
        following = f"/api/runs?{urlencode([*kept, ('before', str(found[-1].id))])}"
        headers["link"] = f'<{following}>; rel="next"'
    return Response(found, headers=headers)


@get(
    "/api/runs/{run_id:int}",
    opt={"role": "viewer"},
    tags=["runs"],
    responses=_problems(BAD, *REFUSED, UNKNOWN),
    summary="Show a run",
)
async def show_run(request: Request[Any, Any, Any], run_id: RunId) -> RunDetail:
    """A run with its steps, artifacts and measurements."""
    runs = web_of(request).site.runs
    run = await runs.get(run_id)
    return RunDetail(
        **msgspec.structs.asdict(run),
        steps=await runs.steps(run_id),
        artifacts=await runs.artifacts(run_id),
        measurements=await runs.measurements(run_id),
    )


@get(
    "/api/runs/{run_id:int}/log",
    opt={"role": "viewer"},
    tags=["runs"],
    responses=_problems(BAD, *REFUSED, UNKNOWN),
    summary="Read a run's log",
)
async def read_log(
    request: Request[Any, Any, Any], run_id: RunId, after: Count = 0, limit: Limit = 1000
) -> list[LogLine]:
    """Log lines with a `seq` above `after`, oldest first."""
    runs = web_of(request).site.runs
    await runs.get(run_id)
    return await runs.log(run_id, after=after, limit=limit)


@get(
    "/api/runs/{run_id:int}/artifacts/{name:path}",
    opt={"role": "viewer", "plain": True},
    tags=["runs"],
    responses=_problems(BAD, *REFUSED, UNKNOWN),
    summary="Download an artifact",
)
async def download(request: Request[Any, Any, Any], run_id: RunId, name: FromPath[PurePath]) -> File:
    """The content of an artifact."""
    return await artifact_response(web_of(request).site, run_id, name)


@post(
    "/api/runs",
    opt={"role": "operator"},
    tags=["runs"],
    responses=_problems(BAD, *REFUSED, TOO_MANY),
    summary="Start a run",
)
async def start(request: Request[Any, Any, Any], data: Annotated[RunRequest, Body()]) -> Run:
    """A new queued run of a kind that a part of this site offers."""
    return await start_run(
        web_of(request),
        identity_of(request),
        kind=data.kind,
        params=data.params,
        priority=data.priority,
        idempotency_key=data.idempotency_key,
    )


@post(
    "/api/runs/{run_id:int}/cancel",
    opt={"role": "operator"},
    tags=["runs"],
    status_code=200,
    responses=_problems(BAD, *REFUSED, UNKNOWN, CONFLICT, TOO_MANY),
    summary="Cancel a run",
)
async def cancel(request: Request[Any, Any, Any], run_id: RunId) -> Run:
    """Ask for a run to end: a queued one has ended then, a running one ends soon."""
    return await web_of(request).site.runs.cancel(run_id, actor=identity_of(request).actor)


@post(
    "/api/runs/{run_id:int}/retry",
    opt={"role": "operator"},
    tags=["runs"],
    status_code=200,
    responses=_problems(BAD, *REFUSED, UNKNOWN, CONFLICT, TOO_MANY),
    summary="Retry a run",
)
async def retry(request: Request[Any, Any, Any], run_id: RunId) -> Run:
    """Queue a failed or cancelled run again; it continues after the steps that are done."""
    return await web_of(request).site.runs.retry(run_id, actor=identity_of(request).actor)


@get("/api/events", opt={"role": "viewer"}, tags=["events"], responses=_problems(BAD, *REFUSED), summary="Read events")
async def list_events(
    request: Request[Any, Any, Any], after: Count = 0, name: FromQuery[str] = "", limit: Limit = 1000
) -> list[StoredEvent]:
    """Events with an id above `after`, oldest first. `name` is how the name begins: "run."."""
    return await read_events(web_of(request).site.database, after=after, name_prefix=name, limit=limit)


@get("/api/openapi.json", opt={"role": "viewer"}, include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The OpenAPI description of the API."""
    return request.app.openapi_schema.to_schema()


@get("/api", opt={"role": "viewer"}, include_in_schema=False)
async def describe(request: Request[Any, Any, Any]) -> Response[str]:
    """The API for people to read, made of the same description as /api/openapi.json."""
    schema = request.app.openapi_schema.to_schema()
    return page(
        request,
        "api.html",
        description=schema["info"]["description"],
        operations=describe_operations(schema),
        shapes=describe_shapes(schema),
        base_url=base_url(request),
    )


HANDLERS = [list_runs, show_run, read_log, download, start, cancel, retry, list_events, openapi, describe]

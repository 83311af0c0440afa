# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, PathParameter
from litestar.response import File, Stream

from pumphouse.core.errors import NotFoundError, UserError
from pumphouse.core.jobs.records import Artifact, Measurement, RunSummary
from pumphouse.core.jobs.state import State
from pumphouse.core.web.access import identity_of
from pumphouse.core.web.artifact import artifact_response
from pumphouse.core.web.render import page, see_other
from pumphouse.core.web.starting import command_of, start_run
from pumphouse.core.web.table import PAGE_ROWS, Column, view_table
from pumphouse.core.web.web import Web, base_url, web_of

MAX_ID = 2**53 - 1  # what JavaScript counts exactly
LOG_SHOWN = 200
CHILDREN_SHOWN = 20

RunId = Annotated[int, PathParameter(ge=1, le=MAX_ID)]

MEASUREMENTS: list[Column[Measurement]] = [
    Column("name", "Measurement", lambda item: item.name),
    Column("labels", "Of", lambda item: tell_labels(item.labels)),
    Column("value", "Value", lambda item: item.value, number=True),
]
ARTIFACTS: list[Column[Artifact]] = [
    Column("name", "File", lambda item: item.name),
    Column("type", "Type", lambda item: item.media_type),
    Column("size", "Size", lambda item: item.size, number=True),
    Column("sha256", "SHA-256", lambda item: item.sha256),
]


class StartForm(msgspec.Struct, frozen=True):
    """What a start button sends."""

    kind: str


@get("/runs", opt={"role": "viewer"}, include_in_schema=False)
async def list_runs(request: Request[Any, Any, Any]) -> Response[str]:
    """The runs, newest first, filtered as the address says."""
    web = web_of(request)
    query = request.query_params
    states = [_state(value) for value in query.getall("state", []) if value]
    part, kind, before = query.get("part", ""), query.get("kind", ""), query.get("before", "")
    found = await web.site.runs.find(
        states=states,
        kind_prefix=kind or (f"{part}." if part else ""),
        before=int(before) if before.isdecimal() and int(before) <= MAX_ID else None,
        limit=PAGE_ROWS + 1,
    )
    shown = found[:PAGE_ROWS]
    kept = [(key, value) for key, value in query.multi_items() if value and key != "before"]
    return page(
        request,
        "runs.html",
        runs=shown,
        left_s={run.id: await web.feed.left_s(run) for run in shown},
        states=[str(state) for state in State],
        chosen_states=[str(state) for state in states],
        chosen_part=part,
        chosen_kind=kind,
        is_filtered=bool(kept),
        is_newest=not before,
        newest="/runs" + (f"?{urlencode(kept)}" if kept else ""),
        older=f"/runs?{urlencode([*kept, ('before', str(shown[-1].id))])}" if len(found) > PAGE_ROWS else "",
        counts=await web.site.runs.count_by_state(),
        startables=list(web.startables.values()),
    )


def _state(value: str) -> State:
    try:
        return State(value)
    except ValueError as error:
        raise UserError(
            f"there is no state {value!r}", where="?state=", next_step=f"take one of: {', '.join(State)}"
        ) from error


@get("/runs/{run_id:int}", opt={"role": "viewer"}, include_in_schema=False)
async def show_run(request: Request[Any, Any, Any], run_id: RunId) -> Response[str]:
    """One run: the answer, the evidence, how it came about, how to repeat it."""
    web = web_of(request)
    runs = web.site.runs
    run = await runs.get(run_id)
    body = web.run_bodies.get(run.kind)
    log = await runs.log_tail(run_id, limit=LOG_SHOWN)
    return page(
        request,
        "run.html",
        run=run,
        left_s=await web.feed.left_s(run),
        expected_s=await web.expected_s(run.kind),
        steps=await runs.steps(run_id),
        log=log,
        measurements=view_table(
            "measurements", MEASUREMENTS, await runs.measurements(run_id), dict(request.query_params)
        ),
        tell_labels=tell_labels,
        artifacts=view_table("artifacts", ARTIFACTS, await runs.artifacts(run_id), dict(request.query_params)),
        parent=await _parent(web, run),
        children=await runs.find(parent_id=run_id, limit=CHILDREN_SHOWN),
        body_template=body.template if body else "",
        body=await body.load(web.site, run) if body and body.load else {},
        shell_command=command_of(web, run),
        base_url=base_url(request),
    )


async def _parent(web: Web, run: RunSummary) -> RunSummary | None:
    if run.parent_id is None:
        return None
    found = await web.site.runs.find(before=run.parent_id + 1, limit=1)
    return found[0] if found and found[0].id == run.parent_id else None


def tell_labels(labels: dict[str, str]) -> str:
    """Labels in words: "boot 3, kernel rt"."""
    return ", ".join(f"{key} {value}" for key, value in sorted(labels.items()))


@get("/runs/{run_id:int}/log", opt={"role": "viewer"}, include_in_schema=False)
async def show_log(request: Request[Any, Any, Any], run_id: RunId) -> Stream:
    """The whole log as text."""
    runs = web_of(request).site.runs
    await runs.get(run_id)

    async def lines() -> AsyncIterator[str]:
        after = 0
        while found := await runs.log(run_id, after=after):
            after = found[-1].seq
            yield "".join(f"{line.text}\n" for line in found)

    return Stream(lines(), media_type="text/plain; charset=utf-8")


@get("/runs/{run_id:int}/artifacts/{name:path}", opt={"role": "viewer", "plain": True}, include_in_schema=False)
async def show_artifact(request: Request[Any, Any, Any], run_id: RunId, name: FromPath[PurePath]) -> File:
    """The content of an artifact."""
    return await artifact_response(web_of(request).site, run_id, name)


@post("/runs", opt={"role": "operator"}, include_in_schema=False)
async def start(
    request: Request[Any, Any, Any], data: Annotated[StartForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[str]:
    """Start a run with the defaults of its kind."""
    run = await start_run(web_of(request), identity_of(request), kind=data.kind, params={})
    return see_other(f"/runs/{run.id}")


@post("/runs/{run_id:int}/cancel", opt={"role": "operator"}, include_in_schema=False)
async def cancel(request: Request[Any, Any, Any], run_id: RunId) -> Response[str]:
    """Ask for the run to end."""
    await web_of(request).site.runs.cancel(run_id, actor=identity_of(request).actor)
    return see_other(f"/runs/{run_id}")


@post("/runs/{run_id:int}/retry", opt={"role": "operator"}, include_in_schema=False)
async def retry(request: Request[Any, Any, Any], run_id: RunId) -> Response[str]:
    """Queue the run again."""
    await web_of(request).site.runs.retry(run_id, actor=identity_of(request).actor)
    return see_other(f"/runs/{run_id}")


@get("/{missing:path}", opt={"role": "nobody"}, include_in_schema=False)
async def no_such_page(request: Request[Any, Any, Any], missing: FromPath[PurePath]) -> None:  # noqa: ARG001  the route's shape
    """Every address that nothing else answers, so that the error page knows who asks."""
    raise NotFoundError("there is no such page", where=request.url.path, next_step="begin at the home page: /")


HANDLERS = [list_runs, show_run, show_log, show_artifact, start, cancel, retry]

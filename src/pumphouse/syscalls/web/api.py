# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON API of the part: the matrix, and "since when"."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from pumphouse.core.web.errors import PROBLEM, Problem
from pumphouse.core.web.web import web_of
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.database.matrix import Fact
from pumphouse.syscalls.domain.database.since import Answer, find_answer
from pumphouse.syscalls.web.facts import facts_for, last_probe

WORDS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
RESPONSES = {
    status: ResponseSpec(data_container=Problem, description=word, media_type=PROBLEM, generate_examples=False)
    for status, word in WORDS.items()
}

Name = Annotated[str, QueryParameter(min_length=1, max_length=200)]
Wanted = Annotated[str, QueryParameter(max_length=200)]


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Every fact, marked against the kernel that this site probed last (`kernel` is empty before the first probe)."""

    kernel: str
    run_id: int | None
    releases: dict[str, str]
    facts: list[Fact]


@get(
    "/api/syscalls/matrix",
    opt={"role": "viewer"},
    tags=["syscalls"],
    responses=RESPONSES,
    summary="List calls, sizes and flags by release",
)
async def read_matrix(request: Request[Any, Any, Any], call: Wanted = "") -> Matrix:
    """Calls, struct sizes and flags with the release that brought each; `call` names one."""
    last = await last_probe(web_of(request).site)
    facts = facts_for(last[1] if last else None)
    return Matrix(
        kernel=last[1].release if last else "",
        run_id=last[0].id if last else None,
        releases=shipped_database().releases,
        facts=[fact for fact in facts if call in {"", fact.call}],
    )


@get(
    "/api/syscalls/since",
    opt={"role": "viewer"},
    tags=["syscalls"],
    responses=RESPONSES,
    summary="Tell which release brought a call, a size or a flag",
)
async def read_since(name: Name) -> Answer:
    """The same as `pumphouse syscalls since NAME --json`: openat2, openat2.RESOLVE_CACHED, clone3.VER2."""
    database = shipped_database()
    return find_answer(database.calls, database.releases, database.backports, name)


HANDLERS = [read_matrix, read_since]

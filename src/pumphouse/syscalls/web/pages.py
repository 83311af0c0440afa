# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages of the part: what this kernel supports, the matrix, a call, the conventions; the button and the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from pumphouse.core.cards import Card
from pumphouse.core.errors import NotFoundError
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State as RunState
from pumphouse.core.site import Site
from pumphouse.core.web.part import PartPages, RunBody, Startable
from pumphouse.core.web.render import page
from pumphouse.core.web.table import view_table
from pumphouse.core.web.web import web_of
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.database.matrix import FIRST_RELEASE
from pumphouse.syscalls.domain.database.probed import Probed
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import find_answer
from pumphouse.syscalls.domain.probe_answer import ProbeAnswer, answer_probe
from pumphouse.syscalls.kinds import GUESS_S, PROBE, ProbeRequest, write_command, write_title
from pumphouse.syscalls.rule_pages import conventions, find_rule, make_html, rule_pages
from pumphouse.syscalls.web import api
from pumphouse.syscalls.web.facts import COLUMN_MARK, COLUMNS, MARKS, facts_for, last_probe, probed_of, shipped_grid

FOLDER = Path(__file__).parent
STALE_S = 7 * 86400.0  # a kernel may have been updated since
SHOWN = 10
PRESENCE = {"present": ("good", "present"), "missing": ("unknown", "missing")}


def pages() -> PartPages:
    """What this part gives to the site."""
    return PartPages(
        name="syscalls",
        title="Syscalls",
        path="/syscalls",
        routes=[show_kernel, show_matrix, show_call, show_rules, show_rule, *api.HANDLERS],
        folder=FOLDER,
        run_bodies={PROBE: RunBody(template="syscalls/probe.html", load=load_probe)},
        startables=[
            Startable(
                kind=PROBE,
                name="Probe this kernel",
                params=ProbeRequest,
                title=write_title,
                command=write_command,
                guess_s=GUESS_S,
            )
        ],
        cards=show_cards,
    )


@get("/syscalls", opt={"role": "viewer"}, include_in_schema=False)
async def show_kernel(request: Request[Any, Any, Any]) -> Response[str]:
    """What the kernel of this machine supports, by the last probe."""
    web = web_of(request)
    runs = await web.site.runs.find(kind_prefix=PROBE, limit=SHOWN)
    last = await last_probe(web.site)
    return page(
        request,
        "syscalls/index.html",
        runs=runs,
        last=last[0] if last else None,
        body=probe_body(last[1]) if last else {"probed": None},
        answer=answer_probe(last[1], shipped_database().calls) if last else None,
        stale_s=STALE_S,
        left_s={run.id: await web.feed.left_s(run) for run in runs if run.state is RunState.RUNNING},
        startable=web.startables[PROBE],
    )


@get("/syscalls/matrix", opt={"role": "viewer"}, include_in_schema=False)
async def show_matrix(request: Request[Any, Any, Any]) -> Response[str]:
    """Every call, size and flag with its release, to be searched; and calls by releases."""
    database = shipped_database()
    last = await last_probe(web_of(request).site)
    facts = facts_for(last[1] if last else None)
    facts.sort(key=lambda fact: read_tag(fact.since), reverse=True)  # stable: by call within a release
    columns = [*COLUMNS, COLUMN_MARK] if last else COLUMNS
    newest = list(database.releases)[-1]
    return page(
        request,
        "syscalls/matrix.html",
        facts=view_table("matrix", columns, facts, request.query_params),
        kernel=last[1].release if last else "",
        run=last[0] if last else None,
        marks=MARKS,
        grid=shipped_grid(),
        counts={kind: sum(fact.kind == kind for fact in facts) for kind in ("call", "size", "flag")},
        first=FIRST_RELEASE,
        newest=newest,
        newest_date=database.releases[newest],
    )


@get("/syscalls/calls/{name:str}", opt={"role": "viewer"}, include_in_schema=False)
async def show_call(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[str]:
    """One call: since when, its sizes and flags, how they stand on this kernel, who has them early."""
    database = shipped_database()
    call = database.calls.get(name)
    if call is None:
        raise NotFoundError(
            f"the database does not know the call {name!r}",
            where="/syscalls/calls",
            next_step="the matrix lists all: /syscalls/matrix",
        )
    last = await last_probe(web_of(request).site)
    return page(
        request,
        "syscalls/call.html",
        call=call,
        answer=find_answer(database.calls, database.releases, [], name),
        facts=[fact for fact in facts_for(last[1] if last else None) if fact.call == name],
        kernel=last[1].release if last else "",
        run=last[0] if last else None,
        marks=MARKS,
        backports=[
            (item, difference)
            for item in database.backports
            for difference in item.difference
            if difference.call == name
        ],
    )


@get("/syscalls/rules", opt={"role": "viewer"}, include_in_schema=False)
async def show_rules(request: Request[Any, Any, Any]) -> Response[str]:
    """The conventions, and their rules."""
    return page(request, "syscalls/rule.html", title="Conventions", rule=None, html=make_html(conventions()))


@get("/syscalls/rules/{name:str}", opt={"role": "viewer"}, include_in_schema=False)
async def show_rule(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[str]:
    """One rule."""
    rule = find_rule(name)
    names = list(rule_pages())
    at = names.index(rule.id)
    return page(
        request,
        "syscalls/rule.html",
        title=rule.title,
        rule=rule,
        html=make_html(rule.markdown),
        before=rule_pages()[names[at - 1]] if at else None,
        after=rule_pages()[names[at + 1]] if at + 1 < len(names) else None,
    )


async def load_probe(_site: Site, run: Run) -> dict[str, Any]:
    """What the template of a probe shows; `probed` is None while there is no result."""
    probed = probed_of(run)
    return probe_body(probed) if probed else {"probed": None}


def probe_body(probed: Probed) -> dict[str, Any]:
    """The evidence of a probe: each call with what was seen and what mainline's release has."""
    database = shipped_database()
    return {
        "probed": probed,
        "answer": answer_probe(probed, database.calls),
        "presence": PRESENCE,
        "known": database.calls,
    }


async def show_cards(site: Site) -> list[Card]:
    """What this kernel supports, by the last probe."""
    last = await last_probe(site)
    if last is None:
        return []
    run, probed = last
    answer: ProbeAnswer = answer_probe(probed, shipped_database().calls)
    return [
        Card(
            part="syscalls",
            title="System calls of this kernel",
            body=answer.sentence,
            state="attention" if answer.beyond or answer.without else "good",
            link="/syscalls",
            at=run.finished_at,
            run_id=run.id,
        )
    ]

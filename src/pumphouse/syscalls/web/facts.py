# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the pages and the API of the part show: the last probe of this site, and the database beside it."""

from __future__ import annotations

import functools

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.records import Run
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.web.table import Column
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.database.matrix import Fact, Row, list_facts, make_grid
from pumphouse.syscalls.domain.database.probed import Mark, Probed, read_probed
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.kinds import PROBE

# What a mark means on the page: the kind of state, and the word beside its sign.
MARKS: dict[Mark, tuple[str, str]] = {
    "both": ("good", "has it"),
    "kernel only": ("attention", "has it early"),
    "mainline only": ("attention", "lacks it"),
    "neither": ("unknown", "not yet"),
    "unknown": ("unknown", "not asked"),
}


def _by_number(fact: Fact) -> str | None:
    """A text that sorts values by number, and in which the value is found as it is shown."""
    return f"{int(fact.value.split()[0], 0):020} {fact.value}" if fact.value else None


def _by_age(fact: Fact) -> str:
    """A text that sorts releases as they came, and in which release and date are found."""
    tag = read_tag(fact.since)
    return f"{tag.major:03}{tag.minor:03}{tag.middle:03} {fact.since} {fact.date}"


COLUMNS: list[Column[Fact]] = [
    Column("name", "Name", lambda fact: fact.name),
    Column("call", "Call", lambda fact: fact.call),
    Column("word", "Word", lambda fact: fact.word),
    Column("value", "Value", _by_number, number=True),
    Column("since", "Since", _by_age),
]
COLUMN_MARK: Column[Fact] = Column("mark", "This kernel", lambda fact: MARKS[fact.mark][1] if fact.mark else None)


async def last_probe(site: Site) -> tuple[Run, Probed] | None:
    """The last probe that was done here and what it saw; None before the first."""
    for found in await site.runs.find(states=[State.DONE], kind_prefix=PROBE, limit=5):
        run = await site.runs.get(found.id)
        probed = probed_of(run)
        if probed is not None and not run.params.get("names"):
            return run, probed
    return None


def probed_of(run: Run) -> Probed | None:
    """What the run's probe saw; None where it has not ended, or an older version wrote another shape."""
    if run.state is not State.DONE or not run.result:
        return None
    try:
        return read_probed(msgspec.json.encode(run.result), where=f"run {run.id}")
    except UserError:
        return None


def facts_for(probed: Probed | None) -> list[Fact]:
    """Every fact of the database, marked against what was seen."""
    database = shipped_database()
    return list_facts(database.calls, database.releases, database.backports, probed)


@functools.cache
def shipped_grid() -> list[Row]:
    """Calls by releases, of the database that ships."""
    database = shipped_database()
    return make_grid(database.calls, list(database.releases))

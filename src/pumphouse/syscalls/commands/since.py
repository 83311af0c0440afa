# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls since`: which release brought a call, a struct's version, a word or a flag."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.syscalls.database import Database, shipped_database
from pumphouse.syscalls.domain.database.capability import CallAt, call_at, news_of
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import Answer, find_answer, has_it
from pumphouse.syscalls.domain.database.wrap import labelled, wrapped


def since(
    name: Annotated[str, Parameter(help="CALL, CALL.FLAG, CALL.VER1, STRUCT.FIELD or FLAG.")] = "",
    /,
    *,
    release: Annotated[str, Parameter(help="Ask about this release: has it the thing, what is new in it.")] = "",
    json: JsonOption = False,
) -> int:
    """Tell which mainline release brought a system call, a struct's version, a word or a flag, and what says so.

    With --release, tells whether that release has it (exit code 1: no); without a name, what is new in the release.
    A vendor may have it earlier: `pumphouse syscalls probe` asks the kernel that runs.

    Example: pumphouse syscalls since openat2.RESOLVE_CACHED
    """
    database = shipped_database()
    if not name:
        return _tell_news(database, release, as_json=json)
    answer = find_answer(database.calls, database.releases, database.backports, name)
    if release:
        return _tell_presence(database, answer, release, as_json=json)
    if json:
        print_json(answer)
        return 0
    print_lines(_lines(answer))
    say(f"on the site: /syscalls/matrix?matrix.find={answer.name.rpartition('.')[2]}")
    return 0


def _lines(answer: Answer) -> list[str]:
    lines = wrapped(answer.sentence)
    lines += labelled("evidence", answer.evidence)
    if answer.note and answer.kind != "size":
        lines += labelled("note", answer.note)
    for backport in answer.backports:
        lines += labelled("backport", backport)
    for part in answer.parts:
        lines += wrapped(part, indent="  ")
    return lines


def _tell_presence(database: Database, answer: Answer, release: str, *, as_json: bool) -> int:
    version = read_tag(release).release
    there = has_it(answer.since, release)
    at = call_at(database.calls[answer.call], release) if answer.kind == "call" else None
    if as_json:
        shape = {"release": version, "has_it": there, "answer": answer, "call": at}
        print_json({key: value for key, value in msgspec.to_builtins(shape).items() if value is not None})
    else:
        said = f"Yes: {version} has" if there else f"No: {version} does not have"
        print_lines([*wrapped(f"{said} {answer.name}. {answer.sentence}"), *labelled("evidence", answer.evidence)])
        print_lines([line for backport in answer.backports for line in labelled("backport", backport)])
        if at and there:
            print_lines(_call_lines(at))
    return 0 if there else 1


def _call_lines(at: CallAt) -> list[str]:
    lines = [f"  size of the struct: {at.bytes} bytes"] if at.bytes else []
    for word in at.words:
        mask = f" {word.mask:#x}" if word.mask else ""
        lines += wrapped(f"{word.word}{mask}: {' '.join(word.flags) or 'no named flag'}", indent="  ")
    return lines


def _tell_news(database: Database, release: str, *, as_json: bool) -> int:
    if not release:
        raise UserError(
            "nothing is asked",
            where="syscalls since",
            next_step="name a call or a flag: pumphouse syscalls since openat2; or a release: --release 6.12",
        )
    version = read_tag(release).release
    if version not in database.releases:
        raise UserError(
            f"the database does not know the release {version}",
            where="--release",
            next_step=f"it knows {next(iter(database.releases))} to {list(database.releases)[-1]}",
        )
    news = news_of(database.calls, release)
    if as_json:
        print_json({"release": version, "date": database.releases[version], "new": news})
        return 0
    what = f"brought something new to {len(news)} of {len(database.calls)} calls" if news else "brought nothing new"
    print_lines(wrapped(f"{version} ({database.releases[version]}) {what}."))
    for at in news:
        parts = ["the call itself"] if at.is_new else []
        parts += [f"a struct of {at.bytes} bytes"] if at.is_size_new else []
        if not at.is_new:
            parts += [f"{word.word}: {' '.join(word.new)}" for word in at.words if word.new]
        print_lines(wrapped(f"{at.call}: {'; '.join(parts)}", indent="  "))
    return 0

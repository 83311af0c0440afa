# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls database`: what it holds, and bringing new headers and vendors' backports into it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines
from pumphouse.syscalls.database import (
    FOLDER,
    load_headers,
    open_database,
    save_database,
    update_database,
    wanted_headers,
)
from pumphouse.syscalls.domain.database.backport import Backport
from pumphouse.syscalls.domain.database.probed import find_differences, read_probed
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import count
from pumphouse.syscalls.domain.database.wrap import wrapped

app = App(name="database", help="Show and update the database of sizes and flags.")

DataOption = Annotated[
    Path | None, Parameter(name="--data", help="The database's folder; by default the one that ships.")
]
SHOWN = 40
SIZES_SHOWN = 4  # the newest ones; since CALL tells all


@app.command
def show(*, data: DataOption = None, json: JsonOption = False) -> int:
    """List the calls that the database knows, with the number of their sizes and flags.

    Example: pumphouse syscalls database show
    """
    database = open_database(data or FOLDER)
    if json:
        print_json({"calls": list(database.calls.values()), "releases": database.releases, "read": database.history})
        return 0
    words = [word for call in database.calls.values() for word in call.word]
    flags = sum(len(word.flags) for word in words)
    releases = list(database.releases)
    print_lines(
        wrapped(
            f"{count(len(database.calls), 'call')}, {count(len(words), 'word')}, {count(flags, 'flag')}; "
            f"releases to {releases[-1]} ({database.releases[releases[-1]]}), from {len(database.history)} readings."
        )
    )
    for call in database.calls.values():
        sizes = ", ".join(str(size.bytes) for size in call.struct.sizes[-SIZES_SHOWN:]) if call.struct else ""
        own = sum(len(word.flags) for word in call.word)
        print_lines([f"  {call.name:<24} {call.since:<7} {count(own, 'flag'):<10} {sizes}".rstrip()])
    return 0


@app.command
def update(
    *,
    headers: Annotated[Path, Parameter(help="A kernel's source tree, or its folder include/uapi.")],
    release: Annotated[str, Parameter(help="What the headers are of: v6.12, v7.3-rc1, or a stable v6.12.40.")],
    date: Annotated[str, Parameter(help="When that was tagged, YYYY-MM-DD; needed for a new release.")] = "",
    source: Annotated[str, Parameter(help="Where the headers come from, kept as evidence.")] = "headers",
    dry_run: Annotated[bool, Parameter(negative="", help="Tell what would change, and write nothing.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> int:
    """Read the uapi headers of a release and record the sizes and flags that are new in it.

    The order in which releases are read does not matter: the first that has a thing, and the last before without it,
    stay. A stable version's headers never date what a later mainline release was seen without.

    Example: pumphouse syscalls database update --headers linux-7.3 --release v7.3-rc1 --date 2026-08-30
    """
    if date and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise UserError(f"{date!r} is not a date", where="--date", next_step="write it as YYYY-MM-DD")
    database = open_database(data or FOLDER)
    read = load_headers(headers, wanted_headers(database.calls))
    changes = update_database(database, read, tag=release, date=date, source=source)
    if not dry_run:
        save_database(database, data or FOLDER)
    if json:
        print_json({"release": release, "headers": sorted(read.names), "written": not dry_run, "changes": changes})
        return 0
    verb = "would change" if dry_run else "changed"
    print_lines(wrapped(f"{count(len(changes), 'fact')} {verb}; {count(len(read.names), 'header')} of {release} read."))
    for change in changes[:SHOWN]:
        print_lines(wrapped(f"{change.call} {change.word} {change.name}: {change.what}", indent="  "))
    if len(changes) > SHOWN:
        print_lines([f"  and {len(changes) - SHOWN} more; --json has all"])
    return 0


@app.command
def backport(
    probe: Annotated[Path, Parameter(help="What `pumphouse syscalls probe --json` printed on the vendor's kernel.")],
    /,
    *,
    vendor: Annotated[str, Parameter(help="Who ships the kernel: debian.")],
    version: Annotated[str, Parameter(help="The version of the package: 6.1.192-2.")],
    evidence: Annotated[str, Parameter(help="How it was probed; kept beside the facts.")] = "probe",
    data: DataOption = None,
    json: JsonOption = False,
) -> int:
    """Record what a vendor's kernel has beyond the mainline release that it is based on, as a probe saw it.

    It is kept beside mainline's history and shown with it. Exits with 1 where the probe saw nothing beyond.

    Example: pumphouse syscalls database backport probe.json --vendor debian --version 6.1.192-2
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", vendor):
        raise UserError(
            f"{vendor!r} cannot be the name of a file",
            where="--vendor",
            next_step="write it in small letters: debian, suse, red-hat",
        )
    try:
        content = probe.read_bytes()
    except OSError as error:
        raise UserError(
            "the probe's answers cannot be read", where=str(probe), why=str(error), next_step="name the JSON file"
        ) from error
    probed = read_probed(content, where=str(probe))
    database = open_database(data or FOLDER)
    found = Backport(
        vendor=vendor,
        version=version,
        base=read_tag(probed.release).release,
        seen=dt.datetime.now(dt.UTC).date().isoformat(),
        kernel=probed.release,
        evidence=evidence,
        difference=find_differences(database.calls, probed),
    )
    database.backports = [
        item for item in database.backports if (item.vendor, item.version, item.evidence) != (vendor, version, evidence)
    ]
    if found.difference:
        database.backports.append(found)
        save_database(database, data or FOLDER)
    if json:
        print_json(found)
        return 0 if found.difference else 1
    things = count(len(found.difference), "thing")
    print_lines(wrapped(f"{vendor} {version} has {things} beyond mainline {found.base}."))
    for item in found.difference:
        since = f", in mainline since {item.mainline}" if item.mainline else ", in no header that was read"
        print_lines(wrapped(f"{item.call} {item.word} {item.kind} {item.name}{since}".replace("  ", " "), indent="  "))
    return 0 if found.difference else 1

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What every command shares: options, output, and how an error ends it.

Data goes to standard output, words and progress to standard error. Exit codes: 0 done, 1 the answer is "no" or "worse",
2 the input is wrong, 3 the machine, the network or a program failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
from cyclopts import Parameter

from pumphouse.core.errors import ErrorText, PumphouseError
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site, find_site_root

SiteOption = Annotated[
    Path | None, Parameter(name="--site", help="The site's folder. Else PUMPHOUSE_SITE, or the nearest one.")
]
JsonOption = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON value, for programs.")]

EXIT_CODES = {"user": 2, "infra": 3}


def print_json(value: Any) -> None:
    """Print one JSON value, indented, to standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Print lines to standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    sys.stderr.write(text + "\n")


def tell_error(text: ErrorText) -> int:
    """Print what, where, why and next step to standard error; returns the exit code."""
    say("\n".join([f"pumphouse: {text.what}", *text.lines()[1:]]))
    return EXIT_CODES.get(text.kind, 3)


def fail(error: PumphouseError) -> NoReturn:
    """End the command with an error's text and exit code."""
    raise SystemExit(tell_error(error.text))


@contextlib.asynccontextmanager
async def opened_site(root: Path | None) -> AsyncIterator[Site]:
    """The site that a command works on, its database migrated; closed at the end."""
    site = Site(find_site_root(root))
    try:
        await upgrade_schema(site.database)
        yield site
    finally:
        await site.close()


def with_site(root: Path | None, work: Callable[[Site], Coroutine[Any, Any, int]]) -> int:
    """Run `work` with an opened site; returns its exit code."""

    async def main() -> int:
        async with opened_site(root) as site:
            return await work(site)

    return asyncio.run(main())

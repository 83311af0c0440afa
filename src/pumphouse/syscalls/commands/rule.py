# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls rule`: the conventions, one rule at a time."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.syscalls.domain.database.wrap import wrapped
from pumphouse.syscalls.rule_pages import find_rule, rule_pages


def rule(
    name: Annotated[str, Parameter(help="The rule: R1 to R12. Without it, all are listed.")] = "",
    /,
    *,
    json: JsonOption = False,
) -> int:
    """Show a rule of the conventions for extensible system calls: what, why, good and not, and how to deviate.

    Example: pumphouse syscalls rule R5
    """
    if not name:
        return _list(as_json=json)
    page = find_rule(name)
    if json:
        print_json(page)
    elif sys.stdout.isatty():
        _render(page.markdown)
    else:
        print_lines(page.markdown.splitlines())
    say(f"on the site: /syscalls/rules/{page.id}")
    return 0


def _list(*, as_json: bool) -> int:
    pages = rule_pages()
    if as_json:
        print_json([{"id": page.id, "title": page.title, "summary": page.summary} for page in pages.values()])
        return 0
    print_lines([f"{len(pages)} rules for system calls that can grow:"])
    for page in pages.values():
        print_lines(wrapped(f"{page.id + ' ':<5}{page.title}", indent="  "))
    say("`pumphouse syscalls rule R1` shows one; on the site: /syscalls/rules")
    return 0


def _render(markdown: str) -> None:
    from rich.console import Console  # noqa: PLC0415  only for a terminal, and slow to import
    from rich.markdown import Markdown  # noqa: PLC0415

    console = Console()
    console.print(Markdown(markdown), width=min(console.width, 100))

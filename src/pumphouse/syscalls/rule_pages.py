# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The conventions as they ship: an index and a page for each rule, in Markdown, and as HTML for the site."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from pumphouse.core.errors import NotFoundError
from pumphouse.syscalls.domain.rule_page import RulePage, read_rule_page, strip_licence

FOLDER = Path(__file__).parent / "rules"

_LINK = re.compile(r"\]\((R\d+)\.md\)")


@functools.cache
def rule_pages() -> Mapping[str, RulePage]:
    """Every rule's page by id, in the order of their numbers."""
    found = [read_rule_page(path.read_text(encoding="utf-8")) for path in FOLDER.glob("R*.md")]
    return {page.id: page for page in sorted(found, key=lambda page: int(page.id[1:]))}


@functools.cache
def conventions() -> str:
    """The index of the conventions, in Markdown."""
    return strip_licence((FOLDER / "index.md").read_text(encoding="utf-8"))


def find_rule(name: str) -> RulePage:
    """The page of a rule: "R1", "r1" or "1". Raises NotFoundError with the rules there are."""
    pages = rule_pages()
    wanted = name.strip().upper()
    wanted = wanted if wanted.startswith("R") else f"R{wanted}"
    if wanted in pages:
        return pages[wanted]
    close = difflib.get_close_matches(wanted, pages, n=1)
    raise NotFoundError(
        f"there is no rule {name!r}",
        where="syscalls rule",
        next_step=f"there are {', '.join(pages)}" + (f"; did you mean {close[0]}?" if close else ""),
    )


def make_html(markdown: str) -> Markup:
    """HTML of a page; what is HTML in it stands as text. Links between rules lead to their pages on the site."""
    linked = _LINK.sub(r"](/syscalls/rules/\1)", markdown)
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(linked)
    # Code that is wider than the window scrolls, and must be reachable by keyboard for that.
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))  # noqa: S704  markdown-it escapes what is HTML in the text

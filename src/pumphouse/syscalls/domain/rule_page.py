# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A page of the conventions: one rule in Markdown, with what every page must have."""

from __future__ import annotations

import re

import msgspec

SECTIONS = ("Why", "Good", "Not", "How the lint finds it", "If you must deviate", "Read more")

_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_TITLE = re.compile(r"# (R\d+) · (.+)")


class RulePage(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: its id ("R1"), title, the paragraph that states it, and the whole page in Markdown."""

    id: str
    title: str
    summary: str
    markdown: str


def read_rule_page(text: str) -> RulePage:
    """The page in a file of rules/. Raises ValueError where it has no title or a section is missing or out of order."""
    markdown = _COMMENT.sub("", text).strip() + "\n"
    title = _TITLE.match(markdown)
    if not title:
        raise ValueError("a rule's page begins with a heading like: # R1 · Flags are an unsigned int")
    sections = tuple(re.findall(r"^## (.+)$", markdown, re.MULTILINE))
    if sections != SECTIONS:
        raise ValueError(f"{title[1]} has the sections {sections}, a page has {SECTIONS}")
    summary = markdown.splitlines()[1:]
    stated = "\n".join(summary).strip().split("\n\n")[0]
    return RulePage(id=title[1], title=title[2], summary=" ".join(stated.split()), markdown=markdown)


def strip_licence(text: str) -> str:
    """Markdown without the comments of its licence."""
    return _COMMENT.sub("", text).strip() + "\n"

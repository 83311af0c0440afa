# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The web application of a site with all parts that are installed."""

from __future__ import annotations

from dataclasses import replace

from litestar import Litestar

from pumphouse.core.parts import find_parts, resolve
from pumphouse.core.site import Site
from pumphouse.core.web.app import create_app
from pumphouse.core.web.part import PartPages


def create_asgi(site: Site) -> Litestar:
    """The application: every part with pages or cards is in it."""
    return create_app(site, load_part_pages())


def load_part_pages() -> list[PartPages]:
    """The web sides of the parts that have one."""
    found = []
    for part in find_parts():
        if not part.routes and not part.cards:
            continue
        pages: PartPages = resolve(part.routes)() if part.routes else PartPages(name=part.name, title=part.name)
        found.append(replace(pages, cards=resolve(part.cards)) if part.cards else pages)
    return found

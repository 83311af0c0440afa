# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The ASGI application of a site: the core's web with the pages of every part."""

from __future__ import annotations

from litestar import Litestar

from pumphouse.core.parts import find_parts, resolve
from pumphouse.core.site import Site
from pumphouse.core.web.app import create_app


def create_asgi(site: Site) -> Litestar:
    """The application. Imports the web side of every part that has one."""
    return create_app(site, parts=[resolve(part.routes)() for part in find_parts() if part.routes])

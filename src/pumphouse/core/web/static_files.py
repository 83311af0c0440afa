# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Static files, under an address that holds the hash of them all: cached for a year, and never stale."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

FOLDER = Path(__file__).parent / "static"
YEAR_S = 365 * 86400


def hash_folders(folders: Sequence[Path]) -> str:
    """Twelve hex digits that change with any name or content below the folders.

    One hash for all files, so that a module may import another one by a relative path.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static_router(folders: Sequence[Path], version: str) -> Router:
    """The route that serves the folders below /static/VERSION."""
    return create_static_files_router(
        path=f"/static/{version}",
        directories=list(folders),
        cache_control=CacheControlHeader(public=True, max_age=YEAR_S, immutable=True),
        opt={"role": "nobody"},
        name="static",
    )

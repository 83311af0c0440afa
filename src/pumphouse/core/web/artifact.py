# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Sending what runs left: files that the site did not write itself."""

from __future__ import annotations

from pathlib import PurePath

from litestar.response import File

from pumphouse.core.errors import NotFoundError
from pumphouse.core.site import Site

SHOWN = {"image/png", "image/jpeg", "image/webp", "text/plain", "application/json", "text/csv"}


async def artifact_response(site: Site, run_id: int, name: PurePath) -> File:
    """The content of a run's artifact. What a browser could execute is only saved. Raises NotFoundError.

    The sandbox keeps whatever is shown from being a page of this site.
    """
    wanted = name.as_posix().removeprefix("/")
    found = {item.name: item for item in await site.runs.artifacts(run_id)}
    path = await site.runs.artifact_path(run_id, wanted, site.artifacts)
    if wanted not in found:  # it was replaced in between
        raise NotFoundError(f"run {run_id} has no artifact {wanted!r} any more")
    artifact = found[wanted]
    media_type = artifact.media_type.partition(";")[0].strip()
    return File(
        path,
        filename=PurePath(wanted).name,
        media_type=f"{media_type}; charset=utf-8" if media_type in {"text/plain", "text/csv"} else media_type,
        content_disposition_type="inline" if media_type in SHOWN else "attachment",
        headers={
            "content-security-policy": "default-src 'none'; sandbox",
            "cache-control": "private, no-cache",
        },
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels by specification, which is what commands and settings name them by.

deb:linux-image-rt-amd64                         of a Debian package
src:deb:linux-source-6.1                         built from Debian's sources, tinyconfig and the fragment guest
src:/path/to/linux?base=defconfig&config=guest   built from a tree; config may be named several times
src:deb:linux-source-6.1?patch=FILE              the same with a patch or a series; patch may be named several times
/path/to/bzImage                                 an image
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl

from pumphouse.core.errors import UserError
from pumphouse.core.progress import Progress
from pumphouse.lab.build import BuildSpec, build_kernel
from pumphouse.lab.deb import fetch_kernel
from pumphouse.lab.kernel import Kernel, read_kernel


async def open_kernel(specification: str, *, progress: Progress | None = None) -> Kernel:
    """The kernel of a specification: downloaded, built, or read. Raises UserError, InfraError."""
    kind, colon, rest = specification.partition(":")
    if colon and kind == "deb":
        return await fetch_kernel(rest, progress=progress)
    if colon and kind == "src":
        return await build_kernel(parse_build(rest), progress=progress)
    return await asyncio.to_thread(read_kernel, Path(specification))


def parse_build(text: str) -> BuildSpec:
    """What `SOURCE?patch=FILE&base=NAME&config=NAME&toolchain=NAME` asks to build. Raises UserError."""
    source, _, query = text.partition("?")
    words = parse_qsl(query, keep_blank_values=True)
    unknown = [key for key, _ in words if key not in {"patch", "base", "config", "toolchain"}]
    if unknown or (query and not words) or not source:
        raise UserError(
            f"src:{text} is not understood",
            where=unknown[0] if unknown else query or "src:",
            next_step="write src:SOURCE?base=tinyconfig&config=guest&toolchain=gcc; all but the source may be left out",
        )
    given = dict(words)
    fragments = tuple(value for key, value in words if key == "config")
    default = BuildSpec(source=source)
    return BuildSpec(
        source=source,
        patches=tuple(value for key, value in words if key == "patch"),
        base=given.get("base", default.base),
        fragments=fragments or default.fragments,
        toolchain=given.get("toolchain", default.toolchain),
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The cache outside every tree, for what is big and can be made again: kernels, sources, builds, images."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir(*names: str) -> Path:
    """The folder of the cache under which `names` are kept; it is made where it is missing.

    The root is PUMPHOUSE_CACHE, else XDG_CACHE_HOME/pumphouse, else ~/.cache/pumphouse. Whatever is in it may be
    deleted at any time: the next run makes it again.
    """
    root = os.environ.get("PUMPHOUSE_CACHE")
    base = Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pumphouse"
    folder = base.joinpath(*names)
    folder.mkdir(parents=True, exist_ok=True)
    return folder

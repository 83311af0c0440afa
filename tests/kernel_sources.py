# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel sources for tests: those in the cache, or downloaded where the tests are told to."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pumphouse.core.cache import cache_dir
from pumphouse.lab.tree import open_tree, read_version


def find_source(series: str) -> Path:
    """The tree of linux-source-SERIES; skips the test where it is neither in the cache nor asked for."""
    for tree in sorted(cache_dir("sources").glob("*/tree")):
        if read_version(tree).startswith(f"{series}."):
            return tree
    if not os.environ.get("PUMPHOUSE_TEST_SOURCES"):
        pytest.skip(f"needs the sources of Linux {series}, 150 MB to download: PUMPHOUSE_TEST_SOURCES=1 make net")
    return asyncio.run(open_tree(f"deb:linux-source-{series}")).path

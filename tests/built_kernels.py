# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels from source for the tests: whether one is in the cache already, since building one takes minutes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pumphouse.core.cache import cache_dir


def skip_unless_built(version: str, fragments: Sequence[str | Path], *, patches: str = "") -> None:
    """Skip a test whose kernel would have to be built, unless that is asked for. For `patches` see `is_built`."""
    if not is_built(version, fragments, patches=patches) and not os.environ.get("PUMPHOUSE_TEST_BUILD"):
        pytest.skip(f"builds a kernel {version}, 5 minutes on two cores: PUMPHOUSE_TEST_BUILD=1 make vm")


def is_built(version: str, fragments: Sequence[str | Path], *, patches: str = "") -> bool:
    """Whether the ordinary kernel of a version with these fragments is in the cache. Files count by their name.

    `patches` is what a tree with patches adds to the identity of the tree (pumphouse.lab.patch.patched_identity).
    """
    names = [Path(name).stem for name in fragments]
    for metadata in cache_dir("kernels").glob("*/metadata.json"):
        known = json.loads(metadata.read_bytes())
        _, plus, patched = known["tree_identity"].partition("+")
        known_names = [Path(name).stem for name in known["fragments"]]
        if (
            (plus + patched, known_names, known.get("variant", "")) == (patches, names, "")
            and known["tree_version"].startswith(f"{version}.")
            and (metadata.parent / "bzImage").exists()
        ):
            return True
    return False

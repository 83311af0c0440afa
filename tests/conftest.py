# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests share: sites, and the demonstration part that an outsider could have written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO_PART = Path(__file__).parent / "data" / "demo_part"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def demo_part(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The part `demo`, found through its entry point, here and in the processes that the test starts."""
    monkeypatch.syspath_prepend(str(DEMO_PART))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(DEMO_PART), os.environ.get("PYTHONPATH", "")]).rstrip(":"))
    yield DEMO_PART
    for name in [name for name in sys.modules if name.startswith("pumphouse_demo")]:
        del sys.modules[name]


@pytest.fixture
def site_root(tmp_path: Path) -> Path:
    """A fresh site."""
    from pumphouse.core.site import create_site

    create_site(tmp_path / "site")
    return tmp_path / "site"

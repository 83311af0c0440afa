# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Golden files: what a pure function gave, kept beside the tests and read in review.

PUMPHOUSE_UPDATE_GOLDEN=1 make unit     writes them anew
"""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(__file__).parent / "data"


def check_golden(name: str, text: str) -> None:
    """Compare `text` with the golden file tests/data/NAME."""
    path = DATA / name
    if os.environ.get("PUMPHOUSE_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text

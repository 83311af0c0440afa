# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The generated C header: the recipes that ship, or some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pumphouse.syscalls.domain.probe.header import Sources, write_header
from pumphouse.syscalls.recipes import choose_plans

_FOLDER = Path(__file__).parent / "data" / "header"


def make_header(names: Sequence[str] | None = None) -> str:
    """The header for the calls that are named, or for all. Raises UserError for a name without a recipe."""
    parts = Sources.__struct_fields__
    texts = {name: (_FOLDER / f"{name}.h").read_text(encoding="utf-8") for name in parts}
    return write_header(choose_plans(names), Sources(**texts))

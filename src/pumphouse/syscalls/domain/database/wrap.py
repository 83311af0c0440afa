# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap

COLUMNS = 79


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """Lines of at most 79 columns; those after the first are indented by two more."""
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def labelled(label: str, text: str) -> list[str]:
    """A fact with its label, as errors have theirs."""
    return wrapped(f"{label + ':':<10}{text}", indent="  ")

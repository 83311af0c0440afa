# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers for people: three significant figures, with their unit."""

from __future__ import annotations

import math

NARROW = "\N{NARROW NO-BREAK SPACE}"
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")


def format_number(value: float) -> str:
    """`value` with three significant figures; whole numbers below 1000 as they are; thousands apart."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite" if value > 0 else "-infinite"
    if value == 0 or (float(value).is_integer() and abs(value) < 1000):
        return str(int(value))
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 14:
        return f"{value:.2e}"
    rounded = round(value, 2 - magnitude)
    if abs(rounded) >= 10 ** (magnitude + 1):
        magnitude += 1
    return f"{rounded:,.{max(0, 2 - magnitude)}f}".replace(",", NARROW)


def format_bytes(size: int) -> str:
    """A size in decimal units, three significant figures."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{format_number(value)}{NARROW}{BYTE_UNITS[unit]}"

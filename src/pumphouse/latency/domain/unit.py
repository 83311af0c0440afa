# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a latency is counted in, and how numbers are written: the only place that spells either.

Under QEMU's icount the guest's clock advances 2^shift nanoseconds per instruction, whatever the host does. A
microsecond of it is a number of instructions, not a time on hardware: it says so wherever it is shown, and is never
compared across shifts or boards.
"""

from __future__ import annotations

import math


def name_unit(virtual_shift: int | None, *, is_model: bool = False) -> str:
    """The unit of a latency, in words: "microseconds", or "virtual microseconds at shift=4".

    "modelled microseconds" is what a fake board gives.
    """
    if is_model:
        return "modelled microseconds"
    return "microseconds" if virtual_shift is None else f"virtual microseconds at shift={virtual_shift}"


def count_instructions(latency_us: float, virtual_shift: int) -> int:
    """How many guest instructions a virtual latency stands for."""
    return round(latency_us * 1000) >> virtual_shift


def write_number(value: float) -> str:
    """A number in three significant figures, with commas: 1,660 for 1661.2, 8.04, 101, 71."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    places = 2 - math.floor(math.log10(abs(rounded)))
    if places <= 0 or float(value).is_integer():
        return f"{rounded:,.0f}"
    return f"{rounded:,.{places}f}"


def write_p(p: float) -> str:
    """A p-value as "p = 0.004", or "p < 0.001"."""
    return "p < 0.001" if p < 0.0005 else f"p = {p:.3f}"


def write_share(share: float) -> str:
    """A small share: 0.00012 as "1.2e-4", 0.05 as "0.05"."""
    if share == 0 or share >= 0.01:
        return f"{share:.2g}"
    mantissa, exponent = f"{share:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def write_change(ratio: float) -> str:
    """A ratio as a change: 1.1 as "+10 %", 0.13 as "-87 %"; from a factor of 3 on, "7.7 times"."""
    return f"{write_number(ratio)} times" if ratio >= 3 else f"{(ratio - 1) * 100:+.0f} %"

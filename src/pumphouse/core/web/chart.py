# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A chart: what chart.js draws, what the table below it says, and what is downloaded are the same values."""

from __future__ import annotations

from typing import Literal

import msgspec


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """An axis: its words, its unit, its scale. On a time scale the values are seconds since the epoch."""

    label: str
    unit: str = ""
    scale: Literal["linear", "log", "time"] = "linear"

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Values `y` at rising places `x`, both as long; None is a gap.

    Series of one `group` share a colour and a label (the boots of one kernel). `steps` draws a histogram: each value
    reaches from its x to the next.
    """

    label: str
    x: list[float]
    y: list[float | None]
    shape: Literal["line", "steps", "points"] = "line"
    group: str = ""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart. `id` names it in the address and in files; `note` says what is emulated, modelled or simulated."""

    id: str
    title: str
    x: Axis
    y: Axis
    series: list[Series]
    note: str = ""

    def rows(self) -> list[tuple[float, list[float | None]]]:
        """Each x at which any series has a value, with the values of all series there."""
        places = sorted({place for item in self.series for place in item.x})
        columns = [dict(zip(item.x, item.y, strict=True)) for item in self.series]
        return [(place, [column.get(place) for column in columns]) for place in places]

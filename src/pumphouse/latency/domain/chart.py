# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The data of the chart of a comparison: the same for the page and for the picture from the command line.

Both axes are logarithmic. Single microseconds would draw the tail as a comb, so the bins of the chart widen with the
latency: 24 to a decade, never narrower than the microsecond that cyclictest resolves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pumphouse.latency.domain.comparison import BootSummary, Comparison, SideSummary

BINS_PER_DECADE = 24
LEAST_US = 0.5  # where a latency below 1 us begins on a logarithmic axis


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """A statistic marked on the chart: the geometric mean over the boots, or for the maximum the largest."""

    name: str
    latency_us: float


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The cycles of one kernel's valid boots. `counts[i]` of them lie in [edges_us[i], edges_us[i + 1])."""

    name: str
    side: str
    edges_us: list[float]
    counts: list[int]
    overflow: int  # cycles at or above width_us, in no bin
    markers: list[Marker]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Both kernels' series over the same edges."""

    title: str
    unit: str
    width_us: int
    limit_us: int
    series: tuple[Series, ...]


def make_chart(comparison: Comparison) -> Chart:
    """The chart of a comparison. A side without a valid boot has a series without cycles."""
    sides = [("a", comparison.a), ("b", comparison.b)]
    values = [value for _, side in sides for boot in _valid(side) if boot.bins for value in boot.bins.latencies_us]
    width_us = comparison.measure.histogram_width_us
    edges = spread_edges(min(values, default=1), max(values, default=10))
    return Chart(
        title=comparison.answer,
        unit=comparison.unit,
        width_us=width_us,
        limit_us=comparison.limit_us,
        series=tuple(_make_series(mark, side, edges, comparison) for mark, side in sides),
    )


def spread_edges(least: int, most: int) -> list[float]:
    """Rising edges from at or below `least` to above `most`, whole microseconds except the first for 0."""
    edges = [float(least) if least > 0 else LEAST_US]
    while edges[-1] <= most:
        edges.append(float(max(math.floor(edges[-1]) + 1, round(edges[-1] * 10 ** (1 / BINS_PER_DECADE)))))
    return edges


def _make_series(mark: str, side: SideSummary, edges: Sequence[float], comparison: Comparison) -> Series:
    counts = [0] * (len(edges) - 1)
    for boot in _valid(side):
        if boot.bins is None:
            continue
        place = 0
        for value, count in zip(boot.bins.latencies_us, boot.bins.counts, strict=True):
            while edges[place + 1] <= value:
                place += 1
            counts[place] += count
    means = {item.name: item.a_us if mark == "a" else item.b_us for item in comparison.statistics}
    markers = [Marker(name=name, latency_us=means[name]) for name in ("p50", "p99.9") if name in means]
    maxima = [boot.max_us for boot in _valid(side) if boot.max_us is not None]
    if maxima:
        markers.append(Marker(name="max", latency_us=float(max(maxima))))
    return Series(
        name=side.name,
        side=mark,
        edges_us=list(edges),
        counts=counts,
        overflow=sum(boot.bins.overflow for boot in _valid(side) if boot.bins),
        markers=markers,
    )


def _valid(side: SideSummary) -> list[BootSummary]:
    return [boot for boot in side.boots if boot.valid]

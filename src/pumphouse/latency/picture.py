# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a comparison: both histograms as steps on logarithmic axes, as PNG."""

from __future__ import annotations

import io
import textwrap
from typing import Any

from pumphouse.latency.domain.chart import Chart, Series, make_chart
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.unit import write_number

# Vermillion and blue of Okabe and Ito's palette, which every kind of colour vision tells apart.
COLOURS = {"a": "#D55E00", "b": "#0072B2"}
TEXT, QUIET = "#222222", "#767676"
BASE = 0.6  # the foot of the steps: below one cycle, which a logarithmic axis cannot bring to 0
SIZE_INCHES = (9.6, 6.0)
DPI = 125


def draw_picture(comparison: Comparison) -> bytes:
    """The picture as PNG, 1200 x 750 pixels. The same comparison gives the same bytes under one matplotlib."""
    # matplotlib takes half a second to import, and only pictures need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    chart = make_chart(comparison)
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.095, 0.11, 0.88, 0.73))
    _prepare(figure, axes, chart)
    for series in chart.series:
        _draw_series(axes, series, chart)
    _draw_markers(axes, chart)
    _draw_names(axes, chart)
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _prepare(figure: Any, axes: Any, chart: Chart) -> None:
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    title = chart.title[:1].upper() + chart.title[1:]
    figure.text(0.095, 0.97, textwrap.fill(title, 88), fontsize=12, color=TEXT, va="top", weight="bold")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"latency in {chart.unit}", color=TEXT)
    axes.set_ylabel("cycles per bin (24 bins to a decade)", color=TEXT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: write_number(value)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: _name_minor(value)))
    axes.tick_params(which="both", colors=QUIET, labelsize=9, length=4, pad=4)
    axes.grid(visible=True, which="major", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    left, right = chart.series[0].edges_us[0], chart.series[0].edges_us[-1]
    # Room on the right for the name at a line's end; with an overflow, up to beyond the width.
    right *= (right / left) ** 0.18
    axes.set_xlim(left / 1.12, chart.width_us * 1.9 if any(s.overflow for s in chart.series) else right)
    highest = max((count for series in chart.series for count in series.counts), default=1)
    axes.set_ylim(BASE, max(highest, 1) * 14)


def _draw_series(axes: Any, series: Series, chart: Chart) -> None:
    colour = COLOURS[series.side]
    heights = [count or BASE for count in series.counts]
    axes.stairs(heights, series.edges_us, baseline=BASE, color=colour, linewidth=1.8)
    axes.stairs(heights, series.edges_us, baseline=BASE, color=colour, alpha=0.10, fill=True)
    if series.overflow:
        # A bar of its own beyond the width: these were measured, but only the largest of them is known.
        left = chart.width_us * (1.04 if series.side == "a" else 1.34)
        axes.stairs([series.overflow], [left, left * 1.2], baseline=BASE, color=colour, fill=True)
        label = f"{series.overflow:,} beyond {chart.width_us:,}, max {write_number(series.markers[-1].latency_us)}"
        axes.text(left * 1.1, series.overflow * 1.3, label, color=colour, fontsize=8.5, rotation=90, ha="center")


def _draw_markers(axes: Any, chart: Chart) -> None:
    """A line at each statistic of each kernel, its label along it: that of the smaller on the left, else the right."""
    transform = axes.get_xaxis_transform()
    end = chart.series[0].edges_us[-1]
    for name in ("p50", "p99.9", "max"):
        marks = [
            (mark.latency_us, series.side) for series in chart.series for mark in series.markers if mark.name == name
        ]
        for place, (latency_us, side) in enumerate(sorted(marks)):
            if latency_us > end:  # it is beyond the width, and told at the bar there
                continue
            is_left = place == 0 and len(marks) > 1
            axes.axvline(latency_us, color=COLOURS[side], linewidth=0.9, linestyle=":")
            axes.text(
                latency_us * (0.985 if is_left else 1.015),
                0.985,
                f"{name} {write_number(latency_us)}",
                transform=transform,
                color=COLOURS[side],
                fontsize=9,
                rotation=90,
                ha="right" if is_left else "left",
                va="top",
            )


def _draw_names(axes: Any, chart: Chart) -> None:
    """The kernels' names at their lines: beside the end of the shorter one, above the end of the longer one."""
    ends = []
    for series in chart.series:
        filled = [place for place, count in enumerate(series.counts) if count]
        if filled:
            ends.append((series.edges_us[filled[-1] + 1], series, filled))
    for place, (end, series, filled) in enumerate(sorted(ends, key=lambda item: item[0])):
        is_shorter = place == 0 and len(ends) > 1
        middle = filled[len(filled) * 3 // 4]
        axes.text(
            end * 1.03 if is_shorter else series.edges_us[middle],
            1.0 if is_shorter else max(series.counts[max(0, middle - 3) :]) * 2,
            series.name,
            color=COLOURS[series.side],
            weight="bold",
            ha="left" if is_shorter else "center",
            va="bottom",
        )


def _name_minor(value: float) -> str:
    """Labels for 2 and 5 of each decade."""
    return write_number(value) if f"{value:.0e}"[0] in "25" else ""

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The report, the chart's data and the picture."""

from __future__ import annotations

import shlex
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import check_golden
from latency_boots import make_boot, make_boots
from pumphouse.latency.domain.boot import Board, Boot
from pumphouse.latency.domain.chart import make_chart, spread_edges
from pumphouse.latency.domain.compare import compare_boots
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.report import write_report
from pumphouse.latency.picture import draw_picture

pytestmark = pytest.mark.unit

COMMANDS = ["pumphouse latency compare --board qemu --boots 5 --shift 4 --seed 7"]


def judge(boots: list[Boot] | None = None) -> Comparison:
    return compare_boots(boots or make_boots(), limit_us=400, source_a="deb:a 1", source_b="deb:b 1")


def with_overflow() -> Comparison:
    from pumphouse.latency import fake

    boots = make_boots()
    for place, boot in enumerate(boots):
        if boot.evidence.side == "a":
            latencies = fake.MODELS["fake:stock"].draw(5000, seed=place)
            latencies[100] = 9000
            boots[place] = make_boot(latencies=latencies, number=boot.evidence.number)
    return judge(boots)


def without_verdict() -> Comparison:
    dead = [make_boot("fake:realtime", side="b", number=n, failure="the kernel died: Oops") for n in range(1, 6)]
    return judge([boot for boot in make_boots() if boot.evidence.side == "a"] + dead)


def test_the_report_is_the_golden_one() -> None:
    check_golden("latency/report_better.txt", write_report(judge(), commands=COMMANDS))


def test_the_report_without_a_verdict_is_the_golden_one() -> None:
    check_golden("latency/report_error.txt", write_report(without_verdict()))


@pytest.mark.parametrize(
    "comparison", [judge(), with_overflow(), without_verdict()], ids=["better", "overflow", "error"]
)
def test_every_report_fits_80_columns_answers_first_and_ends_with_the_caveat(comparison: Comparison) -> None:
    text = write_report(comparison, commands=COMMANDS)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert " ".join(text.split("\n\n")[0].split()).lower() == f"{comparison.answer}.".lower()
    assert "evidence and not a guarantee" in text.split("\n\n")[-1]
    assert "virtual microseconds at shift=4" in text


def test_a_long_command_is_broken_between_words_as_a_shell_takes_it() -> None:
    command = "qemu --kernel /a/very/long/path/" + "x" * 90 + " -append 'a b' " + "--option " * 20
    text = write_report(judge(), commands=[command])
    folded = text[text.index("To reproduce:") :].split("\n\n")[0].split("\n", 1)[1]
    assert shlex.split(folded.replace("\\\n", "")) == shlex.split(command)
    assert [line for line in folded.split("\n") if len(line) > 80 and "xxx" not in line] == []


def test_a_report_of_a_real_board_does_not_speak_of_virtual_time() -> None:
    real = compare_boots(
        [make_boot(b.evidence.kernel.replace("6.1.0-", "fake:"), side=b.evidence.side, number=b.evidence.number,
                   seed=b.evidence.position, board=Board(name="rack-1")) for b in make_boots()],
        limit_us=50, source_a="a", source_b="b",
    )  # fmt: skip
    assert "irtual" not in write_report(real)


def test_a_report_of_the_fake_board_says_that_nothing_was_booted() -> None:
    board = Board(name="fake", virtual_shift=4, is_model=True)
    boots = [
        make_boot("fake:stock", side=side, number=n, seed=n, board=board) for n in range(1, 6) for side in ("a", "b")
    ]
    text = write_report(judge(boots))
    assert "Nothing was booted" in text
    assert "modelled microseconds" in text
    assert "virtual" not in text


@given(st.integers(0, 5_000), st.integers(0, 50_000))
def test_the_edges_of_a_chart_hold_every_latency_and_are_whole_microseconds(least: int, more: int) -> None:
    edges = spread_edges(least, least + more)
    assert edges[0] <= max(least, 0.5)
    assert edges[-1] > least + more
    assert edges == sorted(set(edges))
    assert all(edge == int(edge) for edge in edges[1:])
    assert len(edges) < 150


def test_the_chart_holds_every_cycle_of_every_valid_boot() -> None:
    comparison = with_overflow()
    chart = make_chart(comparison)
    for series, side in zip(chart.series, (comparison.a, comparison.b), strict=True):
        assert sum(series.counts) + series.overflow == sum(boot.cycles for boot in side.boots)
        assert [marker.name for marker in series.markers] == ["p50", "p99.9", "max"]
    assert [series.overflow for series in chart.series] == [5, 0]
    assert chart.title == comparison.answer


def test_the_chart_of_no_verdict_shows_the_boots_that_there_are() -> None:
    chart = make_chart(without_verdict())
    assert sum(chart.series[0].counts) > 0
    assert sum(chart.series[1].counts) == 0


@pytest.mark.parametrize("make", [with_overflow, without_verdict])
def test_the_picture_is_a_png_of_1200_by_750(make: Callable[[], Comparison]) -> None:
    comparison = make()
    png = draw_picture(comparison)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (1200, 750)
    assert draw_picture(comparison) == png

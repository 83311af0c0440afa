# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison: its verdicts, what it refuses, and the rates that its rule promises."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_boots import QEMU, load_evidence, make_boot, make_boots, make_evidence
from pumphouse.core.errors import UserError
from pumphouse.core.histogram import Histogram, build_histogram
from pumphouse.core.relabelings import count_relabelings
from pumphouse.latency import fake
from pumphouse.latency.domain import compare, rule
from pumphouse.latency.domain.boot import Board, Boot, MeasureRequest
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.summarise import find_exposure
from pumphouse.latency.domain.unit import write_number

pytestmark = pytest.mark.unit


def judge(boots: list[Boot], *, limit_us: int = 400) -> Comparison:
    return compare.compare_boots(boots, limit_us=limit_us, source_a="deb:a", source_b="deb:b")


def collect(latencies: Any) -> Histogram:
    values, counts = np.unique(np.asarray(latencies, dtype=np.int64), return_counts=True)
    return build_histogram((values, counts), width=100_000, overflow=0, maximum=int(values[-1]))


def spread(centre: float, boot: int) -> Histogram:
    """A boot of 2,000 cycles around a centre, a little different for each number of the boot."""
    return collect((np.linspace(0.8, 1.2, 2_000) * centre * (1 + boot / 500)).astype(np.int64))


def test_a_realtime_kernel_is_told_from_a_stock_one() -> None:
    comparison = judge(make_boots())
    assert comparison.verdict == "better"
    assert comparison.unit == "virtual microseconds at shift=4"
    assert comparison.p_floor == 1 / 252
    p999 = comparison.statistics[1]
    assert (p999.name, p999.effect, p999.p_better) == ("p99.9", "better", 1 / 252)
    assert p999.p_better_holm == pytest.approx(3 / 252)
    assert p999.ratio == pytest.approx(p999.b_us / p999.a_us)
    assert p999.ratio_low is not None
    assert p999.ratio_high is not None
    assert p999.ratio_low < p999.ratio < p999.ratio_high < 0.2


def test_the_answer_is_the_sentence_that_people_are_told() -> None:
    comparison = judge(make_boots())
    a, b = (write_number(getattr(comparison.statistics[1], side)) for side in ("a_us", "b_us"))
    assert comparison.answer == (
        f"6.1.0-realtime is better under stress: p99.9 {b} against {a} virtual microseconds at shift=4, 5 boots each, "
        "p = 0.004"
    )


def test_exchanging_the_kernels_exchanges_the_verdict() -> None:
    comparison = judge(make_boots("fake:realtime", "fake:stock"))
    assert comparison.verdict == "worse"
    assert comparison.answer.startswith("6.1.0-stock is worse under stress: p99.9")


def test_a_slower_body_is_found_although_the_tail_is_the_same() -> None:
    comparison = judge(make_boots("fake:stock", "fake:slower"))
    assert comparison.verdict == "worse"
    assert comparison.statistics[0].effect == "worse"
    assert comparison.answer.startswith("6.1.0-slower is worse under stress: p50")


def test_two_boots_of_one_kernel_have_names_that_differ() -> None:
    comparison = judge(make_boots("fake:stock", "fake:stock", first_seed=200))
    assert (comparison.a.name, comparison.b.name) == ("6.1.0-stock (A)", "6.1.0-stock (B)")
    assert comparison.verdict == "undecided"
    assert "more boots may decide" in comparison.answer


def test_kernels_that_are_alike_within_the_effect_show_no_difference() -> None:
    boots = [collect(np.full(2_000, 100) + np.arange(2_000) % 7) for _ in range(5)]
    statistics = compare.compare_statistics(boots, boots)
    assert compare.find_verdict(statistics) == "no difference shown"
    assert {statistic.effect for statistic in statistics} == {"excluded"}
    assert {statistic.p_worse for statistic in statistics} == {1.0}


def test_a_better_tail_with_a_worse_body_is_mixed() -> None:
    a = [collect([*np.full(1_950, 60 + i % 2), *np.full(50, 900 + i)]) for i in range(5)]
    b = [collect([*np.full(1_950, 80 + i % 2), *np.full(50, 300 + i)]) for i in range(5)]
    assert compare.find_verdict(compare.compare_statistics(a, b)) == "mixed"


def test_a_change_below_ten_percent_is_significant_and_does_not_count() -> None:
    a, b = [spread(1000, i) for i in range(5)], [spread(1080, i) for i in range(5)]
    for statistic in compare.compare_statistics(a, b):
        assert statistic.p_worse_holm <= 0.025
        assert statistic.ratio == pytest.approx(1.08, abs=0.005)
        assert statistic.effect == "excluded"


def test_a_change_of_one_microsecond_is_the_resolution_and_does_not_count() -> None:
    a, b = [collect(np.full(2_000, 8))] * 5, [collect(np.full(2_000, 9))] * 5
    statistics = compare.compare_statistics(a, b)
    assert statistics[0].p_worse == 1 / 252
    assert statistics[0].ratio == pytest.approx(1.125)
    assert compare.find_verdict(statistics) == "no difference shown"
    two_more = compare.compare_statistics(a, [collect(np.full(2_000, 11))] * 5)
    assert compare.find_verdict(two_more) == "worse"


def test_latencies_of_zero_microseconds_have_a_logarithm() -> None:
    a, b = [collect(np.full(2_000, 0))] * 5, [collect(np.full(2_000, 3))] * 5
    assert compare.find_verdict(compare.compare_statistics(a, b)) == "worse"


@given(st.integers(1, 9), st.integers(1, 9))
def test_so_many_boots_can_decide_exactly_where_full_separation_does(boots_a: int, boots_b: int) -> None:
    a, b = [spread(100, i) for i in range(boots_a)], [spread(300, i) for i in range(boots_b)]
    verdict = compare.find_verdict(compare.compare_statistics(a, b))
    assert rule.can_decide(boots_a, boots_b) == (verdict == "worse")


def test_five_boots_are_the_least() -> None:
    assert rule.smallest_boots() == 5
    assert rule.can_decide(5, 4)
    assert not rule.can_decide(4, 4)


@pytest.mark.parametrize("each", [1, 3, 4])
def test_too_few_boots_are_refused_with_the_number_that_would_do(each: int) -> None:
    with pytest.raises(UserError) as caught:
        judge(make_boots(each=each))
    assert f"{each} against {each} boots cannot show a difference" in str(caught.value)
    assert f"{1 / count_relabelings(each, each):.3g}" in caught.value.text.why
    assert caught.value.text.next_step == "use --boots 5 or more"


REQUEST = make_evidence().request


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"board": Board(name="qemu", virtual_shift=1)}, "2 shifts: 1; 4"),
        ({"board": Board(name="rack-1")}, "2 boards: qemu; rack-1"),
        ({"load": load_evidence(name="idle")}, "2 loads: idle; stress"),
        ({"request": msgspec.structs.replace(REQUEST, priority=98)}, "2 parameters"),
        ({"kernel": "6.1.0-other"}, "2 kernels on side a: 6.1.0-other; 6.1.0-stock"),
    ],
)
def test_boots_that_were_not_measured_alike_are_not_compared(changes: dict[str, Any], why: str) -> None:
    boots = make_boots()
    boots[0] = make_boot(side="a", number=1, **changes)
    with pytest.raises(UserError) as caught:
        judge(boots)
    assert why in caught.value.text.where


def test_boots_measured_by_different_versions_of_the_tool_are_not_compared() -> None:
    boots = make_boots()
    boots[0] = make_boot(json_text=make_evidence().json_text.replace('"2.40"', '"2.80"'))
    with pytest.raises(UserError, match="2 versions of rt-tests"):
        judge(boots)


def spoil(boots: list[Boot], *places: int) -> list[Boot]:
    return [
        msgspec.structs.replace(boot, checks=make_boot(clocksource_after="hpet").checks) if i in places else boot
        for i, boot in enumerate(boots)
    ]


def test_one_invalid_boot_is_left_out_and_told() -> None:
    comparison = judge(spoil(make_boots(), 0))
    assert comparison.verdict == "better"
    assert (comparison.a.valid_boots, comparison.b.valid_boots) == (4, 5)
    assert "5 against 4 boots" in comparison.answer
    assert comparison.p_floor == 1 / 126
    assert comparison.reasons == ("boot 1 of 6.1.0-stock: clock source: tsc before, hpet after: it had not settled",)
    invalid = comparison.a.boots[0]
    assert (invalid.valid, invalid.p50_us, invalid.bins) == (False, None, None)


def test_too_many_invalid_boots_are_an_error_and_never_a_verdict() -> None:
    comparison = judge(spoil(make_boots(), 0, 2))
    assert comparison.verdict == "error"
    assert comparison.statistics == ()
    assert comparison.p_floor is None
    assert comparison.answer == (
        "no verdict on 6.1.0-realtime against 6.1.0-stock: 2 of 5 boots of 6.1.0-stock did not measure what was asked "
        "(clock source: tsc before, hpet after: it had not settled)"
    )


def test_a_kernel_that_never_came_up_has_a_name_and_no_numbers() -> None:
    boots = [
        boot
        if boot.evidence.side == "a"
        else make_boot("fake:realtime", side="b", number=boot.evidence.number, failure="the kernel died")
        for boot in make_boots()
    ]
    comparison = judge(boots)
    assert comparison.verdict == "error"
    assert comparison.b.name == "6.1.0-realtime"
    assert comparison.b.exposure is None


def test_exposure_counts_cycles_and_boots_above_the_limit() -> None:
    histograms = [collect([*[10] * 999, 60]), collect([10] * 1000), collect([10] * 1000)]
    exposure = find_exposure(histograms, 50)
    assert (exposure.cycles_above, exposure.cycles, exposure.boots_above, exposure.boots) == (1, 3_000, 1, 3)
    none = find_exposure(histograms[1:], 50)
    assert none.cycle_rate_below == pytest.approx(3 / 2_000, rel=0.003)
    assert none.boot_rate_below == pytest.approx(1 - math.sqrt(0.05))


def test_an_unequal_load_and_missed_wakeups_are_noted() -> None:
    boots = make_boots()
    lazy = load_evidence(rounds={"hackbench": 1, "grep": 1})
    boots = [
        make_boot("fake:realtime", side="b", number=boot.evidence.number, load=lazy)
        if boot.evidence.side == "b"
        else boot
        for boot in boots
    ]
    notes = judge(boots).notes
    assert "8.0 rounds per boot on 6.1.0-stock, 2.0 on 6.1.0-realtime" in notes[0]
    assert "wake-ups were missed beside late ones on 6.1.0-stock" in notes[1]


def test_a_comparison_survives_its_json() -> None:
    comparison = judge(make_boots())
    text = msgspec.json.encode(comparison)
    assert msgspec.json.decode(text, type=Comparison) == comparison


def test_the_shape_of_the_json_is_stable() -> None:
    value = msgspec.to_builtins(judge(make_boots()))
    assert set(value) == {
        *("version", "verdict", "answer", "unit", "board", "load", "measure", "limit_us", "a", "b", "statistics"),
        *("p_floor", "rule", "notes", "reasons"),
    }
    assert set(value["statistics"][0]) == {
        *("name", "a_us", "b_us", "ratio", "ratio_low", "ratio_high", "p_worse", "p_better", "p_worse_holm"),
        *("p_better_holm", "effect"),
    }
    assert set(value["a"]) == {"name", "release", "realtime", "source", "boots", "valid_boots", "exposure"}
    assert {"p50_us", "p99_us", "p999_us", "top_mean_us", "max_us", "bins"} < set(value["a"]["boots"][0])


@settings(max_examples=15)
@given(st.lists(st.integers(60, 400), min_size=9, max_size=9, unique=True))
def test_of_all_labelings_at_most_one_in_forty_says_worse(centres: list[int]) -> None:
    histograms = [spread(centre, i) for i, centre in enumerate(centres)]
    labelings = list(combinations(range(9), 4))
    worse = better = 0
    for chosen in labelings:
        a = [histograms[i] for i in range(9) if i not in chosen]
        b = [histograms[i] for i in chosen]
        verdict = compare.find_verdict(compare.compare_statistics(a, b))
        worse += verdict in {"worse", "mixed"}
        better += verdict in {"better", "mixed"}
    assert worse <= 0.025 * len(labelings)
    assert better <= 0.025 * len(labelings)


def test_the_models_of_the_fake_board_are_told_apart_every_time() -> None:
    verdicts = [judge(make_boots(first_seed=1000 * i)).verdict for i in range(1, 4)]
    assert verdicts == ["better"] * 3


def test_every_board_and_request_is_that_of_the_boots() -> None:
    comparison = judge(make_boots())
    assert comparison.board == QEMU
    assert comparison.measure == MeasureRequest(
        interval_us=1000, duration_s=5, priority=99, threads=1, histogram_width_us=5000
    )
    assert [boot.position for boot in comparison.a.boots] == sorted(boot.position for boot in comparison.a.boots)
    assert set(fake.MODELS) == {"fake:stock", "fake:realtime", "fake:slower"}

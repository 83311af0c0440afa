# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of two kernels by their boots: is B better or worse than A, and by how much.

The unit of replication is the boot. The cycles of one boot share its memory layout and its timing, so a test over all
cycles would call any two boots of one kernel different. Each boot gives one number per statistic, and the question is
whether dealing the boots into two groups at random would often look as different as A and B do.

The rule
- Statistics: p50, p99.9 and the mean of the 30 largest latencies of a boot, on logarithms. The body, the tail and the
  extreme each find changes that the others miss; the maximum alone finds few.
- Two questions, "is B worse" and "is B better", each answered by the three one-sided exact permutation tests with
  Holm's correction at 0.025. So of a kernel that did not change, at most one comparison in 40 says "worse" and at most
  one in 40 "better". For equal groups a two-sided family at 0.05 is nearly the same; two families say it by direction,
  which a machine needs that raises an alarm only for "worse".
- A change counts where it is significant, at least 10 %, and more than the histogram's resolution of 1 us.
- "mixed" is said where one statistic shows better and another worse: which matters is for the reader.
- "no difference shown" is said only where the 95 % intervals of all three ratios exclude a change that counts;
  otherwise, without a significant one, the answer is "undecided", and more boots may decide.

Holm's first step needs p <= 0.025 / 3 = 0.00833. 3 against 3 boots have 20 arrangements, 4 against 4 have 70: their
smallest p are 0.05 and 0.0143, so no data could ever pass. 5 against 5 have 252: 0.00397. Hence 5 is the least and the
default, and one lost boot (5 against 4: 1/126 = 0.0079) is bearable. Comparing again until the answer pleases breaks
these rates; to confirm an alarm, compare once more with fresh boots and count only that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.core.histogram import Histogram
from pumphouse.core.relabelings import count_relabelings
from pumphouse.core.stats import adjust_holm, invert_permutation_test, run_permutation_test
from pumphouse.latency.domain.answer import write_answer
from pumphouse.latency.domain.boot import Boot
from pumphouse.latency.domain.comparison import Comparison, Effect, Rule, StatisticResult, Verdict
from pumphouse.latency.domain.rule import ALPHA, STATISTIC_NAMES, TOP, can_decide, refuse_few_boots
from pumphouse.latency.domain.summarise import CONFIDENCE, list_invalid, list_notes, summarise_side

MIN_EFFECT = 0.10
RESOLUTION_US = 1  # cyclictest counts whole microseconds, cut
ROUNDING = 1 + 1e-9  # of logarithms: 8 and 9 us differ by the resolution and not by more
LEAST_US = 0.5  # what stands for a latency below the resolution, whose logarithm does not exist

_TAKE: tuple[Callable[[Histogram], float], ...] = (
    lambda histogram: histogram.find_quantile(0.5).value,
    lambda histogram: histogram.find_quantile(0.999).value,
    lambda histogram: histogram.average_top(TOP)[0],
)
STATISTICS = dict(zip(STATISTIC_NAMES, _TAKE, strict=True))


def compare_boots(boots: Sequence[Boot], *, limit_us: int, source_a: str, source_b: str) -> Comparison:
    """The comparison of the boots of side b against those of side a, in any order, the invalid ones among them.

    Invalid boots are listed and left out. If too few valid ones stay, the verdict is "error". Raises UserError where
    the boots were not measured alike (board, shift, load, parameters, version of rt-tests, kernel within a side), or
    are too few to ever give a verdict.
    """
    sides = {side: [boot for boot in boots if boot.evidence.side == side] for side in ("a", "b")}
    refuse_few_boots(len(sides["a"]), len(sides["b"]))
    refuse_unlike(boots)
    first = boots[0].evidence
    a = summarise_side(sides["a"], limit_us=limit_us, source=source_a)
    b = summarise_side(sides["b"], limit_us=limit_us, source=source_b)
    if a.name == b.name:
        a, b = (msgspec.structs.replace(side, name=f"{side.name} ({mark})") for side, mark in ((a, "A"), (b, "B")))
    comparison = Comparison(
        verdict="error",
        answer="",
        unit=first.board.unit,
        board=first.board,
        load=first.load.name,
        measure=first.request,
        limit_us=limit_us,
        a=a,
        b=b,
        rule=Rule(alpha_per_direction=ALPHA, min_effect=MIN_EFFECT, resolution_us=RESOLUTION_US, confidence=CONFIDENCE),
        reasons=tuple(list_invalid(a, b)),
    )
    if can_decide(a.valid_boots, b.valid_boots):
        statistics = compare_statistics(_take_valid(sides["a"]), _take_valid(sides["b"]))
        comparison = msgspec.structs.replace(
            comparison,
            verdict=find_verdict(statistics),
            statistics=statistics,
            p_floor=1 / count_relabelings(a.valid_boots, b.valid_boots),
            notes=tuple(list_notes(a, b, load=first.load.name)),
        )
    return msgspec.structs.replace(comparison, answer=write_answer(comparison))


def compare_statistics(a: Sequence[Histogram], b: Sequence[Histogram]) -> tuple[StatisticResult, ...]:
    """The family of statistics of the boots `b` against the boots `a`, one histogram per boot."""
    logs = {
        name: [[math.log(max(take(histogram), LEAST_US)) for histogram in side] for side in (a, b)]
        for name, take in STATISTICS.items()
    }
    tests = {name: run_permutation_test(*sides) for name, sides in logs.items()}
    worse = adjust_holm([test.p_greater for test in tests.values()])
    better = adjust_holm([test.p_less for test in tests.values()])
    return tuple(
        _weigh(name, *logs[name], p=(tests[name].p_greater, tests[name].p_less), holm=(worse[i], better[i]))
        for i, name in enumerate(STATISTICS)
    )


def find_verdict(statistics: Sequence[StatisticResult]) -> Verdict:
    """The word for what the statistics show together."""
    effects = {statistic.effect for statistic in statistics}
    if {"better", "worse"} <= effects:
        return "mixed"
    if "worse" in effects:
        return "worse"
    if "better" in effects:
        return "better"
    return "no difference shown" if effects == {"excluded"} else "undecided"


def refuse_unlike(boots: Sequence[Boot]) -> None:
    """Raise UserError where two boots were not measured alike, so that their numbers cannot be compared."""
    alike: list[tuple[str, AbstractSet[Hashable]]] = [
        ("boards", {boot.evidence.board.name for boot in boots}),
        ("shifts", {boot.evidence.board.virtual_shift for boot in boots}),
        ("loads", {boot.evidence.load.name for boot in boots}),
        ("parameters", {boot.evidence.request for boot in boots}),
        ("versions of rt-tests", {boot.version for boot in boots if boot.histogram is not None}),
        *((f"kernels on side {s}", {b.evidence.kernel for b in boots if b.evidence.side == s}) for s in ("a", "b")),
    ]
    for name, values in alike:
        if len(values) > 1:
            raise UserError(
                "these boots cannot be compared",
                where=f"{len(values)} {name}: {'; '.join(sorted(map(str, values)))}",
                why="latencies are comparable only on one board, at one shift, under one load, measured in one way; a "
                "virtual microsecond is a number of instructions that the shift decides",
                next_step="compare the boots of one run of pumphouse latency compare",
            )


def _weigh(
    name: str, logs_a: list[float], logs_b: list[float], *, p: tuple[float, float], holm: tuple[float, float]
) -> StatisticResult:
    log_a, log_b = math.fsum(logs_a) / len(logs_a), math.fsum(logs_b) / len(logs_b)
    a_us, b_us, ratio = math.exp(log_a), math.exp(log_b), math.exp(log_b - log_a)
    interval = invert_permutation_test(logs_a, logs_b, alpha=(1 - CONFIDENCE) / 2)
    low, high = math.exp(interval.low), math.exp(interval.high)
    effect: Effect = "open"
    if holm[0] <= ALPHA and _counts_as_worse(a_us, ratio):
        effect = "worse"
    elif holm[1] <= ALPHA and _counts_as_better(a_us, ratio):
        effect = "better"
    elif not _counts_as_worse(a_us, high) and not _counts_as_better(a_us, low):
        effect = "excluded"
    return StatisticResult(
        name=name,
        a_us=a_us,
        b_us=b_us,
        ratio=ratio,
        ratio_low=low if low > 0 else None,
        ratio_high=high if math.isfinite(high) else None,
        p_worse=p[0],
        p_better=p[1],
        p_worse_holm=holm[0],
        p_better_holm=holm[1],
        effect=effect,
    )


def _take_valid(boots: Iterable[Boot]) -> list[Histogram]:
    return [boot.histogram for boot in boots if boot.is_valid and boot.histogram is not None]


def _counts_as_worse(a_us: float, ratio: float) -> bool:
    return ratio >= 1 + MIN_EFFECT and a_us * (ratio - 1) > RESOLUTION_US * ROUNDING


def _counts_as_better(a_us: float, ratio: float) -> bool:
    return ratio <= 1 / (1 + MIN_EFFECT) and a_us * (1 - ratio) > RESOLUTION_US * ROUNDING

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The records of a comparison: what is stored, sent, and printed under --json. No rule is in here."""

from __future__ import annotations

from typing import Literal

import msgspec

from pumphouse.latency.domain.boot import Board, Check, MeasureRequest

Verdict = Literal["better", "worse", "mixed", "no difference shown", "undecided", "error"]
Effect = Literal["better", "worse", "excluded", "open"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule by which the verdict was found, so that it can be judged."""

    alpha_per_direction: float
    min_effect: float
    resolution_us: int
    confidence: float
    test: str = "exact one-sided permutation test at boot level on logarithms, Holm over the statistics"


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """How often latencies above a limit were met, and the upper bounds on the rates that follow (at 95 %).

    The bound per cycle holds if cycles are independent, which they are not quite; the one per boot needs only that
    boots are.
    """

    limit_us: int
    cycles: int
    cycles_above: int
    cycle_rate_below: float
    boots: int
    boots_above: int
    boot_rate_below: float


class Bins(msgspec.Struct, frozen=True, kw_only=True):
    """The histogram of one boot: only the filled bins, and what was beyond the width."""

    latencies_us: list[int]
    counts: list[int]
    overflow: int
    width_us: int


class BootSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One boot in the comparison. The latencies are None where its result could not be read."""

    number: int
    position: int
    valid: bool
    checks: tuple[Check, ...]
    p50_us: int | None = None
    p99_us: int | None = None
    p999_us: int | None = None
    top_mean_us: float | None = None
    max_us: int | None = None
    cycles: int = 0
    expected_cycles: int | None = None
    missed_wakeups: int = 0
    cycles_above_limit: int | None = None
    load_rounds: int = 0
    context_switches: int = 0
    wall_s: float = 0.0
    bins: Bins | None = None


class SideSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel in the comparison, with its boots in the order in which they ran. `name` tells the two apart."""

    name: str
    release: str
    realtime: bool
    source: str
    boots: tuple[BootSummary, ...]
    valid_boots: int
    exposure: Exposure | None = None


class StatisticResult(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of the family. `a_us` and `b_us` are geometric means over the valid boots; the ratio is b / a.

    An interval side that the boots cannot bound is None. `effect` is what counts: "worse" or "better" (significant,
    and large enough), "excluded" (the interval leaves no room for a change that counts), or "open".
    """

    name: str
    a_us: float
    b_us: float
    ratio: float
    ratio_low: float | None
    ratio_high: float | None
    p_worse: float
    p_better: float
    p_worse_holm: float
    p_better_holm: float
    effect: Effect


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of kernel B against kernel A: the stable shape of `pumphouse latency compare --json`."""

    version: int = 1
    verdict: Verdict
    answer: str
    unit: str
    board: Board
    load: str
    measure: MeasureRequest
    limit_us: int
    a: SideSummary
    b: SideSummary
    statistics: tuple[StatisticResult, ...] = ()
    p_floor: float | None = None  # the smallest p that so many valid boots can give
    rule: Rule
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()  # why there is no verdict, or which boots were left out

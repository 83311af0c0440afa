# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The sentence that answers the question of a comparison: first on the page, in the report and in the picture."""

from __future__ import annotations

from pumphouse.latency.domain.comparison import Comparison, StatisticResult
from pumphouse.latency.domain.unit import write_change, write_number, write_p

ORDER = ("p99.9", "top-30 mean", "p50")  # which statistic is told, where several show the same
CONDITIONS = {"stress": "under stress", "idle": "without load"}


def write_answer(comparison: Comparison) -> str:
    """One sentence: the verdict on B, the numbers that carry it, how many boots, and p.

    "6.1.0-51-rt-amd64 is better under stress: p99.9 101 against 777 virtual microseconds at shift=4, 5 boots each,
    p = 0.004"
    """
    a, b, unit = comparison.a.name, comparison.b.name, comparison.unit
    condition = CONDITIONS.get(comparison.load, f"under {comparison.load}")
    boots = _write_boots(comparison)
    worse, better = (_pick(comparison, effect) for effect in ("worse", "better"))
    match comparison.verdict:
        case "error":
            return f"no verdict on {b} against {a}: {_write_losses(comparison)}"
        case "better" if better:
            return f"{b} is better {condition}: {_write_values(better)} {unit}, {boots}, {write_p(better.p_better)}"
        case "worse" if worse:
            return f"{b} is worse {condition}: {_write_values(worse)} {unit}, {boots}, {write_p(worse.p_worse)}"
        case "mixed" if worse and better:
            return (
                f"{b} is better in one way and worse in another {condition}: {_write_values(better)}, "
                f"{_write_values(worse)} {unit}, {boots}, {write_p(max(better.p_better, worse.p_worse))}"
            )
        case "no difference shown":
            shown = next(statistic for statistic in comparison.statistics if statistic.name == ORDER[0])
            return (
                f"no difference shown between {b} and {a} {condition}: {_write_values(shown)} {unit}, {boots}; "
                f"a change of {comparison.rule.min_effect:.0%} or more is excluded".replace("%", " %")
            )
        case _:
            unsure = _pick(comparison, "open") or comparison.statistics[0]
            return (
                f"undecided between {b} and {a} {condition}: {_write_values(unsure)} {unit}, {boots}; "
                f"{_write_room(unsure)}"
            )


def _pick(comparison: Comparison, effect: str) -> StatisticResult | None:
    found = {statistic.name: statistic for statistic in comparison.statistics if statistic.effect == effect}
    return next((found[name] for name in ORDER if name in found), None)


def _write_values(statistic: StatisticResult) -> str:
    return f"{statistic.name} {write_number(statistic.b_us)} against {write_number(statistic.a_us)}"


def _write_boots(comparison: Comparison) -> str:
    a, b = comparison.a.valid_boots, comparison.b.valid_boots
    return f"{a} boots each" if a == b else f"{b} against {a} boots"


def _write_room(statistic: StatisticResult) -> str:
    if statistic.ratio_low is None or statistic.ratio_high is None:
        return "more boots may decide"
    return (
        f"changes from {write_change(statistic.ratio_low)} to {write_change(statistic.ratio_high)} are possible, "
        "more boots may decide"
    )


def _write_losses(comparison: Comparison) -> str:
    parts = [
        f"{len(side.boots) - side.valid_boots} of {len(side.boots)} boots of {side.name} did not measure what was asked"
        for side in (comparison.a, comparison.b)
        if side.valid_boots < len(side.boots)
    ]
    reason = comparison.reasons[0].partition(": ")[2] if comparison.reasons else ""
    return " and ".join(parts) + (f" ({reason})" if reason else "")

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a tuned kernel gained in each phase, beside what changes when nothing is changed.

Counts are deterministic but for what runs beside them, so the noise is measured and not assumed: the base is booted
several times, and once more as it was rebuilt from nothing (A/A). A change is shown where every boot of the tuned
kernel lies beyond every boot of the base, by more than the widest difference among boots of one kernel. With k boots of
the tuned kernel and n of the base, that happens by chance in 2 / C(n + k, k) of comparisons at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.counts import QUANTITIES, Quantity

LEAST_SHOWN = 0.1  # per cent: beneath it the boots of one kernel differ by themselves (facts of the emulation)
CONTROL_LIMIT = 1.0  # per cent of kernel instructions over all phases, beyond which A/A has failed


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one boot counted in one phase, of kernel code. `l1i_misses` are of a model of a cache."""

    kernel_instructions: int
    taken_branches: int
    l1i_misses: int
    user_instructions: int = 0


Boot = Mapping[str, Counts]  # by phase


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Changes in per cent against the base; None where the base counted nothing."""

    kernel_instructions: float | None
    taken_branches: float | None
    l1i_misses: float | None


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """Half the widest difference among boots of one kernel, in per cent."""

    kernel_instructions: float
    taken_branches: float
    l1i_misses: float


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase: its changes, the same of A/A (`control`), and whether the change of instructions is shown."""

    name: str
    trained: bool
    kernel_instructions: float | None
    taken_branches: float | None
    l1i_misses: float | None
    control: Change
    noise: Noise
    shown: bool
    shown_metrics: list[Quantity]
    base: Counts  # means over the boots, rounded
    tuned: Counts


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The tuned kernel against the base. `phases` begin with what got worse."""

    phases: list[Phase]
    boots_base: int
    boots_rebuilt: int
    boots_tuned: int
    rebuilt_is_identical: bool
    total: Change
    control: Change  # over all phases
    worst_untrained: float | None  # per cent of kernel instructions; above 0 is worse


def compare_boots(
    *,
    base: Sequence[Boot],
    rebuilt: Sequence[Boot],
    tuned: Sequence[Boot],
    trained: Mapping[str, bool],
    rebuilt_is_identical: bool,
) -> Comparison:
    """Compare boots phase by phase. `trained` names the phases and tells which of them training saw.

    Raises UserError where a boot lacks a phase, or where A/A differs.
    """
    if len(base) < 2 or not rebuilt or not tuned:
        raise UserError(
            "too few boots to compare",
            why="the base needs two, the rebuilt base and the tuned kernel one each",
            next_step="ask for more boots",
        )
    for boot in (*base, *rebuilt, *tuned):
        if lost := sorted(set(trained) - set(boot)):
            raise UserError(
                f"a boot did not do the phase {lost[0]}", next_step="look at its console, and boot it again"
            )
    phases = [_compare_phase(name, base, rebuilt, tuned, trained=trained[name]) for name in trained]
    comparison = Comparison(
        phases=sorted(phases, key=lambda phase: (-(phase.kernel_instructions or 0.0), phase.name)),
        boots_base=len(base),
        boots_rebuilt=len(rebuilt),
        boots_tuned=len(tuned),
        rebuilt_is_identical=rebuilt_is_identical,
        total=_change(_total(base), _total(tuned)),
        control=_change(_total(base), _total(rebuilt)),
        worst_untrained=max(
            (phase.kernel_instructions or 0.0 for phase in phases if not phase.trained and phase.shown), default=None
        ),
    )
    check_control(comparison)
    return comparison


def check_control(comparison: Comparison) -> None:
    """Raise UserError where the base differs from itself: nothing that is measured then means anything."""
    control = comparison.control.kernel_instructions or 0.0
    if abs(control) > CONTROL_LIMIT:
        raise UserError(
            f"A/A differs: the rebuilt base needs {control:+.2f} % kernel instructions of the base",
            why=f"the limit is {CONTROL_LIMIT:g} %: what this workload does is not the same from boot to boot"
            + ("" if comparison.rebuilt_is_identical else ", or the build is not reproducible: the two images differ"),
            next_step="make the phases do a fixed amount of work; pumphouse pgo workload check tells which do not",
        )


def _compare_phase(
    name: str, base: Sequence[Boot], rebuilt: Sequence[Boot], tuned: Sequence[Boot], *, trained: bool
) -> Phase:
    before = [boot[name] for boot in base]
    again = [boot[name] for boot in rebuilt]
    after = [boot[name] for boot in tuned]
    change, noise = _change(before, after), {metric: _noise([before, again, after], metric) for metric in QUANTITIES}
    shown = [metric for metric in QUANTITIES if _is_shown([*before, *again], after, metric, noise[metric])]
    return Phase(
        name=name,
        trained=trained,
        kernel_instructions=change.kernel_instructions,
        taken_branches=change.taken_branches,
        l1i_misses=change.l1i_misses,
        control=_change(before, again),
        noise=Noise(**noise),
        shown="kernel_instructions" in shown,
        shown_metrics=shown,
        base=_mean(before),
        tuned=_mean(after),
    )


def _is_shown(before: Sequence[Counts], after: Sequence[Counts], metric: str, noise: float) -> bool:
    olds, news = ([getattr(counts, metric) for counts in side] for side in (before, after))
    apart = max(news) < min(olds) or min(news) > max(olds)
    change = _per_cent(sum(olds) / len(olds), sum(news) / len(news))
    return apart and change is not None and abs(change) > max(LEAST_SHOWN, 2 * noise)


def _noise(groups: Sequence[Sequence[Counts]], metric: str) -> float:
    """Half the widest difference within a group, and between base and rebuilt base, in per cent."""
    before, again, after = ([getattr(counts, metric) for counts in group] for group in groups)
    widest = 0.0
    for values in ([*before, *again], after):
        middle = sum(values) / len(values)
        if middle:
            widest = max(widest, 100 * (max(values) - min(values)) / middle)
    return widest / 2


def _change(before: Sequence[Counts], after: Sequence[Counts]) -> Change:
    old, new = _mean(before), _mean(after)
    return Change(**{metric: _per_cent(getattr(old, metric), getattr(new, metric)) for metric in QUANTITIES})


def _per_cent(old: float, new: float) -> float | None:
    return round(100 * (new - old) / old, 4) if old else None


def _mean(counts: Sequence[Counts]) -> Counts:
    return Counts(
        **{
            name: round(sum(getattr(item, name) for item in counts) / len(counts))
            for name in (*QUANTITIES, "user_instructions")
        }
    )


def _total(boots: Sequence[Boot]) -> list[Counts]:
    return [
        Counts(
            **{
                name: sum(getattr(counts, name) for counts in boot.values())
                for name in (*QUANTITIES, "user_instructions")
            }
        )
        for boot in boots
    ]

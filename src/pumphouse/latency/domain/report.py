# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a comparison as text: the answer, the evidence, the context, the commands. At most 80 columns."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from pumphouse.latency.domain.comparison import BootSummary, Comparison, SideSummary, StatisticResult
from pumphouse.latency.domain.unit import write_number, write_share

WIDTH = 80
CAVEAT = (
    "These numbers are evidence and not a guarantee. cyclictest samples a black box: the worst latency it saw is not "
    "the worst there is, and no length of test makes it one. A bound needs the kernel's own sections with interrupts "
    "and preemption off, measured apart and added up (de Oliveira, Casini, de Oliveira, Cucinotta, ECRTS 2020, "
    "doi:10.4230/LIPIcs.ECRTS.2020.9)."
)
VIRTUAL_CAVEAT = (
    "Virtual time counts instructions. It shows the length of code paths and whether they can be preempted; it knows "
    "no caches, no system management interrupts, and no second processor. It is not a latency on hardware."
)
MODEL_CAVEAT = "Nothing was booted: the latencies are drawn from a model."


def write_report(comparison: Comparison, *, commands: Sequence[str] = ()) -> str:
    """The whole report, ending with a newline. `commands` reproduce it, as a shell takes them."""
    blocks = [
        _wrap(_capitalise(comparison.answer) + "."),
        *_write_reasons(comparison),
        *_write_statistics(comparison),
        _write_boots(comparison),
        _write_exposure(comparison),
        *_write_notes(comparison),
        _write_validity(comparison),
        _write_context(comparison),
        *_write_commands(commands),
        _write_caveats(comparison),
    ]
    return "\n\n".join(blocks) + "\n"


def _write_reasons(comparison: Comparison) -> list[str]:
    if not comparison.reasons:
        return []
    head = "No verdict, because" if comparison.verdict == "error" else "Left out"
    return ["\n".join([f"{head}:", *(_wrap(reason, indent="  ") for reason in comparison.reasons)])]


def _write_statistics(comparison: Comparison) -> list[str]:
    if not comparison.statistics:
        return []
    rows: list[tuple[str, ...]] = [("", "A", "B", "B / A", "(95 %)", "p", "Holm", "B is")]
    rows += [_write_row(statistic) for statistic in comparison.statistics]
    level = comparison.rule.alpha_per_direction
    legend = (
        f"A is {comparison.a.name}, B is {comparison.b.name}. Means over boots in {comparison.unit}. p is that of the "
        f"nearer direction; with Holm's correction it must be at most {level:g}, and the change at least "
        f"{comparison.rule.min_effect * 100:.0f} % and {comparison.rule.resolution_us} us. "
        f"The smallest possible p here is {comparison.p_floor:.3g}."
    )
    return [_align(rows, left={0, 4, 7}) + "\n" + _wrap(legend)]


def _write_row(statistic: StatisticResult) -> tuple[str, ...]:
    nearer_worse = statistic.p_worse <= statistic.p_better
    low, high = (
        write_number(side) if side is not None else "?" for side in (statistic.ratio_low, statistic.ratio_high)
    )
    words = {"better": "better", "worse": "worse", "excluded": "alike", "open": "open"}
    return (
        statistic.name,
        write_number(statistic.a_us),
        write_number(statistic.b_us),
        write_number(statistic.ratio),
        f"({low}-{high})",
        f"{statistic.p_worse if nearer_worse else statistic.p_better:.3f}",
        f"{statistic.p_worse_holm if nearer_worse else statistic.p_better_holm:.3f}",
        words[statistic.effect],
    )


def _write_boots(comparison: Comparison) -> str:
    rows: list[tuple[str, ...]] = [("boot", "ran", "p50", "p99", "p99.9", "top-30", "max", "cycles", "missed", "load")]
    for mark, side in (("A", comparison.a), ("B", comparison.b)):
        rows += [_write_boot(mark, boot) for boot in side.boots]
    return f"Each boot, in {comparison.unit}:\n" + _align(rows, left={0})


def _write_boot(mark: str, boot: BootSummary) -> tuple[str, ...]:
    figures = (boot.p50_us, boot.p99_us, boot.p999_us, boot.top_mean_us, boot.max_us)
    told = [write_number(figure) if figure is not None else "-" for figure in figures]
    label = f"{mark}{boot.number}" + ("" if boot.valid else " error")
    return (label, str(boot.position), *told, f"{boot.cycles:,}", f"{boot.missed_wakeups:,}", f"{boot.load_rounds:,}")


def _write_exposure(comparison: Comparison) -> str:
    lines = [f"Above {comparison.limit_us:,} {comparison.unit}:"]
    for mark, side in (("A", comparison.a), ("B", comparison.b)):
        exposure = side.exposure
        if exposure is None:
            lines.append(f"  {mark}: no valid boot")
            continue
        lines.append(
            _wrap(
                f"{mark}: {exposure.cycles_above:,} of {exposure.cycles:,} cycles, rate below "
                f"{write_share(exposure.cycle_rate_below)} if cycles are independent; in {exposure.boots_above} of "
                f"{exposure.boots} boots, rate below {write_share(exposure.boot_rate_below)} per boot",
                indent="  ",
            )
        )
    return "\n".join([*lines, "  (upper bounds at 95 %; for none above, about 3 / N: the rule of three)"])


def _write_notes(comparison: Comparison) -> list[str]:
    return ["\n".join(["Mind:", *(_wrap(note, indent="  ") for note in comparison.notes)])] if comparison.notes else []


def _write_validity(comparison: Comparison) -> str:
    sides = (comparison.a, comparison.b)
    lines = [f"  {side.name}: {side.valid_boots} of {len(side.boots)} boots measured what was asked" for side in sides]
    asked = max((boot.checks for side in sides for boot in side.boots), key=len)
    names = ", ".join(check.name for check in asked)
    return "\n".join(["Validity:", *lines, _wrap(f"checked: {names}", indent="  ")])


def _write_context(comparison: Comparison) -> str:
    measure = comparison.measure
    return "\n".join(
        [
            "What was compared:",
            *_write_side("A", comparison.a),
            *_write_side("B", comparison.b),
            _wrap(f"board {comparison.board.name}, load {comparison.load}", indent="  "),
            _wrap(
                f"cyclictest, SCHED_FIFO {measure.priority}, {measure.threads} thread, a wake-up each "
                f"{measure.interval_us:,} us for {measure.duration_s} s in each boot, boots interleaved",
                indent="  ",
            ),
            _wrap(f"rule: {comparison.rule.test}", indent="  "),
        ]
    )


def _write_side(mark: str, side: SideSummary) -> list[str]:
    kind = "realtime" if side.realtime else "not realtime"
    return [_wrap(f"{mark}: {side.release}, {kind}, from {side.source}", indent="  ")]


def _write_commands(commands: Sequence[str]) -> list[str]:
    return ["\n".join(["To reproduce:", *(_fold(command) for command in commands)])] if commands else []


def _fold(command: str) -> str:
    """A shell command over several lines, broken only between words; a word longer than a line stands alone."""
    lines = ["  "]
    for word in map(shlex.quote, shlex.split(command)):
        if len(lines[-1]) + len(word) > WIDTH - 3 and lines[-1].strip():
            lines.append("    ")
        lines[-1] += word if lines[-1].isspace() else f" {word}"
    return " \\\n".join(lines)


def _write_caveats(comparison: Comparison) -> str:
    return "\n\n".join(_wrap(caveat) for caveat in (write_kind_of_time(comparison), CAVEAT) if caveat)


def write_kind_of_time(comparison: Comparison) -> str:
    """What its microseconds are not, where they are not those of hardware; else nothing."""
    if comparison.board.is_model:
        return MODEL_CAVEAT
    return VIRTUAL_CAVEAT if comparison.board.virtual_shift is not None else ""


def _wrap(text: str, *, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _align(rows: Sequence[tuple[str, ...]], *, left: set[int]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a tuning as text: the answer, each phase, the profile, the text, the commands. At most 80 columns."""

from __future__ import annotations

import textwrap

from pumphouse.pgo.domain.compare import Phase
from pumphouse.pgo.domain.result import TuneResult, write_change
from pumphouse.pgo.domain.usage import describe

WIDTH = 80
CAVEAT = (
    "Counts are exact under emulation: instructions of one virtual processor, branches that were taken, misses of a "
    "modelled instruction cache (32 KiB, 8 ways, lines of 64 bytes). They are not time: a processor has a branch "
    "predictor, further caches and a translation buffer, which are not modelled. Measure on your machine before you "
    "rely on it."
)
SHOWN_FUNCTIONS = 12


def write_report(result: TuneResult) -> str:
    """The whole report, ending with a newline."""
    blocks = [
        _wrap(result.answer[0].upper() + result.answer[1:] + "."),
        _write_phases(result),
        _write_control(result),
        _write_profile(result),
        _write_text(result),
        _write_context(result),
        "To repeat it:\n" + "\n".join(f"  {command}" for command in result.commands),
        _wrap(CAVEAT),
    ]
    return "\n\n".join(blocks) + "\n"


def _write_phases(result: TuneResult) -> str:
    rows: list[tuple[str, ...]] = [("phase", "", "insns", "branches", "L1i", "A/A", "")]
    rows += [_row(phase) for phase in result.phases]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column in {0, 1, 6} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return (
        "\n".join(lines)
        + "\n"
        + _wrap(
            "Kernel instructions, taken branches, misses of a modelled instruction cache, and what A/A changes in "
            "instructions, against the base; what got worse stands first. Phases held back were never seen in "
            "training. Not shown: the boots of one kernel differ as much."
        )
    )


def _row(phase: Phase) -> tuple[str, ...]:
    return (
        phase.name,
        "trained" if phase.trained else "held back",
        write_change(phase.kernel_instructions),
        write_change(phase.taken_branches),
        write_change(phase.l1i_misses),
        write_change(phase.control.kernel_instructions),
        "" if phase.shown else "not shown",
    )


def _write_control(result: TuneResult) -> str:
    identical = "bit by bit the same image" if result.rebuilt_is_identical else "NOT the same image: the build differs"
    return _wrap(
        f"A/A: the base was built once more from nothing ({identical}) and booted: "
        f"{write_change(result.control.kernel_instructions)} kernel instructions, "
        f"{write_change(result.control.taken_branches)} taken branches, "
        f"{write_change(result.control.l1i_misses)} modelled misses over all phases. "
        f"{result.boots_base} boots of the base, {result.boots_rebuilt} of the rebuilt one, {result.boots_tuned} tuned."
    )


def _write_profile(result: TuneResult) -> str:
    profile = result.profile
    ran = (
        f"Profile: {profile.functions_executed:,} of {profile.functions:,} functions ran in training, "
        f"{profile.counters_nonzero:,} of {profile.counters:,} counters are not zero, in {profile.objects} objects. "
        f"{describe(result.use)}."
    )
    lines = [ran]
    lines += [f"Built without its profile: {use.object} ({use.reason})." for use in result.use.quarantined]
    lines += [f"Ignored by gcc: {', '.join(result.use.ignored)}."] if result.use.ignored else []
    lines += [f"Left out: {line}." for line in profile.left_out]
    return "\n".join(_wrap(line) for line in lines)


def _write_text(result: TuneResult) -> str:
    text = result.text
    head = _wrap(
        f"Text: {text.text_before:,} bytes before, {text.text_after:,} after. {text.split_after:,} functions have a "
        f"cold part (before: {text.split_before:,}); {text.shrank:,} shrank, {text.grew:,} grew, {text.gone:,} went "
        "into others. The largest changes of what stays hot:"
    )
    rows = [
        f"  {item.name[:40]:<40} {item.before:>7,} -> {item.after:>7,} bytes"
        + (f", cold {item.cold_after:,}" if item.cold_after else "")
        for item in text.functions[:SHOWN_FUNCTIONS]
    ]
    return "\n".join([head, *rows])


def _write_context(result: TuneResult) -> str:
    return "\n".join(
        _wrap(f"{name + ':':<10} {value}", indent=" " * 11)
        for name, value in (
            ("base", f"{result.base.release}, {result.base.image}"),
            ("tuned", result.tuned.image),
            ("source", result.source),
            ("config", result.config),
            ("workload", result.workload),
            ("board", result.board),
            ("compiler", result.compiler),
            ("options", ", ".join(result.options) or "none"),
        )
    )


def _wrap(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

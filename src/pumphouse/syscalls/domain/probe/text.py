# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A report for the terminal: the answer, then a table that fits 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pumphouse.syscalls.domain.probe.report import CallReport, Presence, Report, State, WordReport

WIDTH = 80


def write_report(report: Report, *, detailed: bool) -> list[str]:
    """The lines; `detailed` adds the names of the flags and how each answer was told."""
    lines = [*textwrap.wrap(_answer(report), WIDTH), ""]
    for call in report.calls:
        for line in _details(call) if detailed else _rows(call):
            lines += _fit(line)
    return lines


def _answer(report: Report) -> str:
    present = sum(call.presence is Presence.PRESENT for call in report.calls)
    source = "from the cache" if report.cached else f"answered in {report.elapsed_ms:.0f} ms"
    words = f"{report.answered_words} flag words of {present} call{'s' if present != 1 else ''} {source}"
    told = [
        f"{len(found)} {presence.value} ({', '.join(found)})"
        for presence in Presence
        if presence is not Presence.PRESENT
        and (found := [call.name for call in report.calls if call.presence is presence])
    ]
    return f"{report.release}: {words}" + "".join(f"; {one}" for one in told) + "."


def _rows(call: CallReport) -> Iterator[str]:
    if call.presence is not Presence.PRESENT:
        yield f"{call.name:<24} {call.presence.value} ({call.how})"
        return
    size = f"{call.size} bytes" if call.size else "size not known" if call.size_how else ""
    yield f"{call.name:<24} {size}".rstrip()
    for word in call.words:
        yield f"  {word.name:<40} {_mask(word)}"
    for fact in call.facts:
        yield f"  {fact.name:<40} {fact.value}"


def _mask(word: WordReport) -> str:
    if word.state is not State.ANSWERED:
        return f"{word.state.value} ({word.how})"
    text = ", ".join(word.name_bits(word.mask)) if word.enumeration else hex(word.mask)
    more = len(word.valid_with)
    if more and not word.enumeration:
        text += f"  ({more} with others)"
    if word.undecided:
        text += f"  ({word.undecided.bit_count()} not decided)"
    return text


def _details(call: CallReport) -> Iterator[str]:
    yield f"{call.name}: {call.presence.value}, told by {call.how}"
    if call.size_how:
        name = f", {call.size_name}" if call.size_name else ""
        yield f"  size {call.size} bytes{name}: {call.size_how}" if call.size else f"  size {call.size_how}"
    for word in call.words:
        yield f"  {word.name}: {_mask(word)}, told by {word.how}"
        if word.valid and not word.enumeration:
            yield f"    {' '.join(word.name_bits(word.valid))}"
        for one in word.valid_with:
            yield f"    {word.name_bits(one.bit)[0]} with {', '.join(one.needs)}"
    for fact in call.facts:
        yield f"  {fact.name}: {fact.value}, told by {fact.how}"


def _fit(line: str) -> list[str]:
    """A line, or the lines that it takes: those after the first stand two columns further in, lists of flags do not."""
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent if len(indent) == 4 else indent + "  ")

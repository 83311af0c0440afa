# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The histogram that cyclictest prints (-h, -H) or leaves in a file (--histfile), read and checked against itself.

    # Histogram
    000000 000000<tab>000000[<tab>sum]        one row per microsecond; newer versions leave out rows of zeros
    # Total: 000001000 000000998 [000001998]  only in some versions
    # Min Latencies: 00012 00008
    # Avg Latencies: 00013 00012              cut to whole numbers
    # Max Latencies: 00027 00020 [00027]
    # Histogram Overflows: 00000 00000 [00000]
    # Histogram Overflow at cycle number:
    # Thread 0: 00182 00183 # 00004 others
    # Thread 1:

What is in brackets is there under -H only; the sum column of the rows may be there with one thread too, the sums of
the footer only with several. Lines before "# Histogram" and after the last thread are not part of it, except that of
"# Break value".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from pumphouse.core.errors import UserError
from pumphouse.core.histogram import build_histogram
from pumphouse.latency.domain.cyclictest import NEXT_STEP, ThreadResult, check_thread

START = b"# Histogram\n"
NUMBER = rb"[0-9]{1,15}"
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CyclictestText:
    """The threads of a printed histogram, and the latency that ended the run early under -b, if one did."""

    threads: tuple[ThreadResult, ...]
    break_value: int | None = None


def read_text(text: str | bytes, *, width: int | None = None, name: str = "the histogram") -> CyclictestText:
    """The measurement in a histogram as printed; `width` is the -h or -H of its command line, where that is known.

    Without it the width is the number of rows, if none was left out. Raises UserError for everything that is not a
    whole histogram at one with itself, with the line.
    """
    data = (text.encode() if isinstance(text, str) else text).replace(b"\r\n", b"\n")
    start = data.find(START)
    if start < 0 or (start > 0 and data[start - 1 : start] != b"\n"):
        _refuse(name, "it has no line '# Histogram': cyclictest did not come to its end, or ran without -h")
    body = start + len(START)
    end = data.find(b"#", body)
    if end < 0:
        _refuse(name, "it is cut short: the lines '# Min Latencies' and so on are missing")
    first_line = data.count(b"\n", 0, body) + 1
    rows = _read_rows(data[body:end], first_line=first_line, name=name)
    footer = _Footer(data[end:], first_line=first_line + len(rows), name=name)
    count = len(footer.numbers("Min Latencies"))
    if len(rows) and rows.shape[1] not in (count + 1, count + 2):
        _refuse(name, f"its rows have {rows.shape[1] - 1} columns for {count} threads")
    values, columns = rows[:, 0], rows[:, 1 : count + 1]
    if rows.shape[1] == count + 2 and not np.array_equal(columns.sum(axis=1), rows[:, -1]):
        line = first_line + int(np.flatnonzero(columns.sum(axis=1) != rows[:, -1])[0])
        _refuse(f"{name}, line {line}", "the last column is not the sum of the others")
    width = _find_width(values, columns, given=width, overflows=footer.numbers("Histogram Overflows"), name=name)
    threads = [_read_thread(footer, number, values, columns[:, number], width=width) for number in range(count)]
    footer.check_sums(count)
    return CyclictestText(threads=tuple(threads), break_value=footer.break_value())


def _read_rows(block: bytes, *, first_line: int, name: str) -> Rows:
    """The rows as an array, one column for the latency and one each for what follows; its latencies rise."""
    head = block.split(b"\n", 1)[0]
    columns = len(head.split())
    if not block:
        return np.empty((0, 1), dtype=np.int64)
    pattern = NUMBER + rb" " + rb"[\t ]".join([NUMBER] * max(1, columns - 1))
    if not re.fullmatch(rb"(?:" + pattern + rb"\n)*+", block):
        lines = block.split(b"\n")
        bad = next((i for i, line in enumerate(lines) if not re.fullmatch(pattern, line)), len(lines) - 1)
        shown = lines[bad][:40].decode(errors="replace")
        _refuse(f"{name}, line {first_line + bad}", f"{shown!r} is not a row of {columns - 1} counts")
    rows = np.fromstring(block, dtype=np.int64, sep=" ").reshape(-1, columns)
    falls = np.flatnonzero(np.diff(rows[:, 0]) <= 0)
    if falls.size:
        _refuse(f"{name}, line {first_line + int(falls[0]) + 1}", "its latency is not above that of the line before")
    return rows


def _find_width(values: Rows, columns: Rows, *, given: int | None, overflows: list[int], name: str) -> int:
    """The width of the histogram; raises UserError where rows are missing or the width cannot be known."""
    leaves_out_zeros = bool((columns.sum(axis=1) > 0).all())
    is_dense = values.size > 0 and int(values[0]) == 0 and int(values[-1]) == values.size - 1
    if not leaves_out_zeros and not is_dense:
        _refuse(name, "it has rows of zeros, so none should be left out, yet some are")
    if given is None:
        if is_dense:
            return int(values.size)
        if any(overflows):
            _refuse(name, "latencies are beyond its width, and it does not tell the width; name it")
        return int(values[-1]) + 1 if values.size else 1
    if values.size and int(values[-1]) >= given:
        _refuse(name, f"it has a row for {int(values[-1])}, beyond its width {given}")
    if not leaves_out_zeros and values.size != given:
        _refuse(name, f"it is cut short: {values.size} rows of {given}")
    return given


def _read_thread(footer: _Footer, number: int, values: Rows, counts: Rows, *, width: int) -> ThreadResult:
    where = f"{footer.name}: thread {number}"
    maximum = footer.at("Max Latencies", number)
    overflow = footer.at("Histogram Overflows", number)
    try:
        histogram = build_histogram((values, counts), width=width, overflow=overflow, maximum=maximum)
    except UserError as error:
        _refuse(where, f"{error.text.what}: {error.text.why}")
    if footer.has("Total") and footer.at("Total", number) != int(counts.sum()):
        _refuse(where, f"its total is {footer.at('Total', number)}, yet its bins hold {int(counts.sum())}")
    thread = ThreadResult(
        histogram=histogram,
        cycles=histogram.total,
        minimum=footer.at("Min Latencies", number),
        average=float(footer.at("Avg Latencies", number)),
        maximum=maximum,
    )
    check_thread(thread, where=where, average_is_cut=True)
    footer.check_overflow_cycles(number, overflow=overflow, cycles=thread.cycles)
    return thread


class _Footer:
    """The lines after the rows: `# Label: numbers`."""

    def __init__(self, block: bytes, *, first_line: int, name: str) -> None:
        self.name = name
        self._lines: dict[str, tuple[int, bytes]] = {}
        for offset, line in enumerate(block.split(b"\n")):
            match = re.fullmatch(rb"# ([A-Z][A-Za-z0-9 ]*):(.*)", line)
            if match and match[1].decode() not in self._lines:
                self._lines[match[1].decode()] = (first_line + offset, match[2])
            elif match:
                _refuse(f"{name}, line {first_line + offset}", f"a second line '# {match[1].decode()}'")
        if "Histogram Overflow at cycle number" not in self._lines or not block.endswith(b"\n"):
            _refuse(name, "it is cut short: it does not end with the cycle numbers of the overflows")

    def has(self, label: str) -> bool:
        """Whether there is a line with this label."""
        return label in self._lines

    def numbers(self, label: str) -> list[int]:
        """All the numbers of the line with this label; at least one."""
        line, rest = self._find(label)
        if not re.fullmatch(rb"(?: " + NUMBER + rb")+ ?", rest):
            _refuse(f"{self.name}, line {line}", f"'# {label}' is not followed by numbers")
        return [int(word) for word in rest.split()]

    def at(self, label: str, number: int) -> int:
        """The figure of thread `number` in the line with this label."""
        numbers = self.numbers(label)
        threads = len(self.numbers("Min Latencies"))
        if len(numbers) not in (threads, threads + 1) or (threads == 1 and len(numbers) == 2):  # sums: see check_sums
            _refuse(f"{self.name}, line {self._find(label)[0]}", f"{len(numbers)} figures for {threads} threads")
        return numbers[number]

    def check_sums(self, threads: int) -> None:
        """Raise UserError where the last figure of -H is not the sum, or the maximum, of those before it."""
        for label, combine in (("Total", sum), ("Max Latencies", max), ("Histogram Overflows", sum)):
            numbers = self.numbers(label) if self.has(label) else []
            if len(numbers) > threads and combine(numbers[:threads]) != numbers[threads]:
                _refuse(f"{self.name}, line {self._find(label)[0]}", "its last figure does not sum up the others")
        for label in ("Min Latencies", "Avg Latencies"):
            if len(self.numbers(label)) != threads:
                _refuse(f"{self.name}, line {self._find(label)[0]}", f"it is not one figure for each of {threads}")

    def check_overflow_cycles(self, number: int, *, overflow: int, cycles: int) -> None:
        """Raise UserError where the cycles named as overflowing are not as many as overflowed, or do not exist."""
        line, rest = self._find(f"Thread {number}")
        match = re.fullmatch(rb"((?: +" + NUMBER + rb")*) ?(?: ?# (" + NUMBER + rb") others)?", rest)
        if match is None:
            _refuse(f"{self.name}, line {line}", "it is not a list of cycle numbers")
        named = [int(word) for word in match[1].split()]
        if len(named) + int(match[2] or 0) != overflow:
            _refuse(f"{self.name}, line {line}", f"it does not account for {overflow} overflows")
        if any(a >= b for a, b in pairwise([*named, cycles])):
            _refuse(f"{self.name}, line {line}", f"its cycle numbers do not rise, or are beyond {cycles}")

    def break_value(self) -> int | None:
        """The latency that ended the run under -b."""
        return self.numbers("Break value")[0] if self.has("Break value") else None

    def _find(self, label: str) -> tuple[int, bytes]:
        if label not in self._lines:
            _refuse(self.name, f"it is cut short: the line '# {label}' is missing")
        return self._lines[label]


def _refuse(where: str, why: str) -> NoReturn:
    raise UserError("this is not a whole histogram of cyclictest", where=where, why=why, next_step=NEXT_STEP)

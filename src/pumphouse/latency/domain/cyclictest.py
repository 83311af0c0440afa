# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a cyclictest measured, read from its JSON file and checked against itself.

The format is that of rt-tests 2.4 to 2.8 (`rt_write_json` and `write_stats`, file_version 1). Three things in it
mislead those who take it at its word, and are dealt with here:

- Latencies at or above the histogram's width are in no bin and nowhere counted: overflow = cycles - sum of the bins.
- Wake-ups that were missed while a thread was late were not measured at all (coordinated omission): they show only
  as cycles that are fewer than the duration holds.
- The keys of the command line and the version have a colon inside their quotes.

A file that is cut short, corrupt or at odds with itself is refused with the place and the reason: the smallest and
largest latency, the average, the cycles and the bins must tell one story.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from pumphouse.core.errors import UserError
from pumphouse.core.histogram import Histogram, build_histogram, merge_histograms
from pumphouse.latency.domain.cyclictest_options import CyclictestOptions, read_command_line

COUNT_LIMIT = 2**53  # a count above this is no count of cycles, and would not survive JSON readers that use doubles
NEXT_STEP = "measure again; keep the file as it is, should you report it"


@dataclass(frozen=True, kw_only=True)
class ThreadResult:
    """What one measuring thread saw. Latencies are in the file's unit: microseconds, or nanoseconds under -N."""

    histogram: Histogram
    cycles: int
    minimum: int
    average: float
    maximum: int
    cpu: int = -1  # -1: not bound to one
    node: int = -1  # -1: not known

    @property
    def overflow(self) -> int:
        """How many latencies were at or above the histogram's width."""
        return self.histogram.overflow


@dataclass(frozen=True, kw_only=True)
class CyclictestResult:
    """One measurement by cyclictest, consistent with itself."""

    command_line: str
    options: CyclictestOptions
    version: str
    start_time: str
    end_time: str
    return_code: int
    release: str
    kernel_version: str
    machine: str
    realtime: bool
    threads: tuple[ThreadResult, ...]

    @property
    def histogram(self) -> Histogram:
        """The latencies of all threads together."""
        return merge_histograms(thread.histogram for thread in self.threads)

    @property
    def cycles(self) -> int:
        """The cycles made by all threads."""
        return sum(thread.cycles for thread in self.threads)

    @property
    def expected_cycles(self) -> int | None:
        """The cycles of all threads had no wake-up been missed; None where the run had no asked-for end."""
        expected = [self.options.expect_cycles(number) for number in range(len(self.threads))]
        return None if None in expected else sum(cycles for cycles in expected if cycles is not None)

    @property
    def missed_wakeups(self) -> int:
        """How many wake-ups the latencies themselves account for as missed.

        A thread that is late by L skips every wake-up that L passed over, L / interval of them rounded down
        (`while (tsgreater(&now, &next))` in cyclictest.c). For the overflow it is a lower bound: each counts as the
        width, one as the maximum. 0 with relative timers, which miss none.
        """
        if self.options.relative:
            return 0
        scale = 1000 if self.options.nanoseconds else 1
        missed = 0
        for number, thread in enumerate(self.threads):
            interval = (self.options.interval_us + number * self.options.distance_us) * scale
            histogram = thread.histogram
            missed += int((histogram.counts * (histogram.values // interval)).sum())
            if histogram.overflow:
                missed += histogram.maximum // interval
                missed += (histogram.overflow - 1) * (histogram.width // interval)
        return missed


def read_json(text: str | bytes, *, name: str = "the JSON file") -> CyclictestResult:
    """The measurement in a JSON file that `cyclictest --json` wrote with a histogram (-h or -H).

    Raises UserError for everything that is not such a file, whole and at one with itself; `where` names the file and
    the field.
    """
    root = _Reader(_parse(text, name), name)
    version = root.integer("file_version")
    if version != 1:
        root.refuse("file_version", f"it is {version}; cyclictest writes 1")
    command_line = root.text_of("cmdline", "cmdline:")
    options = read_command_line(command_line, where=f"{name}: cmdline")
    if options.histogram_width is None:
        raise UserError(
            "this measurement has no histogram",
            where=f"{name}: cmdline {command_line!r}",
            why="cyclictest was started without -h or -H, so only its extremes and averages are known",
            next_step="measure again with -h WIDTH, wider than the worst latency that you expect",
        )
    system = root.child("sysinfo")
    threads = root.child("thread")
    count = root.integer("num_threads", least=1)
    if len(threads.fields) != count or any(str(number) not in threads.fields for number in range(count)):
        root.refuse("thread", f"num_threads is {count}, yet the threads are {_shorten(list(threads.fields))}")
    if options.threads not in (None, count):
        root.refuse("num_threads", f"it is {count}, yet the command line asks for {options.threads}")
    if bool(root.integer("resolution_in_ns", least=0, most=1)) != options.nanoseconds:
        root.refuse("resolution_in_ns", "it contradicts the command line's -N")
    return CyclictestResult(
        command_line=command_line,
        options=options,
        version=root.text_of("rt_test_version", "rt_test_version:"),
        start_time=root.text_of("start_time"),
        end_time=root.text_of("end_time"),
        return_code=root.integer("return_code", least=-(2**31)),
        release=system.text_of("release"),
        kernel_version=system.text_of("version"),
        machine=system.text_of("machine"),
        realtime=bool(system.integer("realtime", least=0, most=1)),
        threads=tuple(_read_thread(threads.child(str(i)), width=options.histogram_width) for i in range(count)),
    )


def check_thread(thread: ThreadResult, *, where: str, average_is_cut: bool = False) -> None:
    """Raise UserError unless the figures of a thread tell one story.

    The average must be that of the bins, where something overflowed within what the overflow allows; it was rounded
    to two places in JSON, and cut to a whole number (`average_is_cut`) in text.
    """
    histogram = thread.histogram
    if thread.cycles != histogram.total:
        _refuse(where, f"{thread.cycles} cycles, yet the bins and the overflow hold {histogram.total}")
    if thread.cycles == 0:
        raise UserError(
            "a thread made no cycle",
            where=where,
            why="it was stopped before its first wake-up, so nothing was measured",
            next_step="measure longer, and look whether the guest could run at all",
        )
    if histogram.counts.size and thread.minimum != histogram.minimum:
        _refuse(where, f"the minimum is {thread.minimum}, yet the lowest filled bin is {histogram.minimum}")
    if not histogram.counts.size and thread.minimum < histogram.width:
        _refuse(where, f"the minimum is {thread.minimum}, yet no bin below {histogram.width} is filled")
    if thread.minimum > thread.maximum:
        _refuse(where, f"the minimum {thread.minimum} is above the maximum {thread.maximum}")
    least = most = int((histogram.values * histogram.counts).sum())
    if histogram.overflow:
        least += (histogram.overflow - 1) * max(histogram.width, thread.minimum) + thread.maximum
        most += histogram.overflow * thread.maximum
    low, high = least / thread.cycles, most / thread.cycles
    slack = 0.005 + 1e-9 * max(1.0, high)
    fits = (
        math.floor(low - 1e-9) <= thread.average <= high
        if average_is_cut
        else low - slack <= thread.average <= high + slack
    )
    if not fits:
        span = f"{low:.2f}" if least == most else f"between {low:.2f} and {high:.2f}"
        _refuse(where, f"the average is {thread.average:g}, yet that of the histogram is {span}")


def refuse_unless_same(result: CyclictestResult, threads: tuple[ThreadResult, ...], *, where: str) -> None:
    """Raise UserError unless the histogram text, read into `threads`, tells the same as the JSON in `result`."""
    if len(threads) != len(result.threads):
        _refuse(where, f"it has {len(threads)} threads, the JSON file {len(result.threads)}")
    for number, (from_json, from_text) in enumerate(zip(result.threads, threads, strict=True)):
        place = f"{where}: thread {number}"
        if from_json.histogram != from_text.histogram:
            _refuse(place, _find_difference(from_json.histogram, from_text.histogram))
        if from_json.minimum != from_text.minimum:
            _refuse(place, f"the minimum is {from_text.minimum}, in the JSON file {from_json.minimum}")
        if not from_text.average - 0.006 <= from_json.average < from_text.average + 1.006:
            _refuse(place, f"the average is {from_text.average:g}, in the JSON file {from_json.average:g}")


def _find_difference(json_side: Histogram, text_side: Histogram) -> str:
    for name in ("width", "overflow", "maximum"):
        here, there = getattr(text_side, name), getattr(json_side, name)
        if here != there:
            return f"its {name} is {here}, in the JSON file {there}"
    values = np.union1d(json_side.values, text_side.values)
    counts = [dict(zip(side.values.tolist(), side.counts.tolist(), strict=True)) for side in (text_side, json_side)]
    first = next(value for value in values.tolist() if counts[0].get(value, 0) != counts[1].get(value, 0))
    return f"bin {first} holds {counts[0].get(first, 0)}, in the JSON file {counts[1].get(first, 0)}"


def _read_thread(fields: _Reader, *, width: int) -> ThreadResult:
    bins = fields.child("histogram")
    cycles = fields.integer("cycles", least=0)
    counts: dict[int, int] = {}
    for key in bins.fields:
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", key) or int(key) >= width:
            bins.refuse(key, f"it is not a latency below the histogram's width {width}")
        counts[int(key)] = bins.integer(key, least=1)
    overflow = cycles - sum(counts.values())
    if overflow < 0:
        fields.refuse("cycles", f"{cycles} cycles, yet the bins hold {cycles - overflow}")
    maximum = fields.integer("max", least=0)
    average = fields.fields.get("avg")
    if isinstance(average, bool) or not isinstance(average, int | float) or not math.isfinite(average) or average < 0:
        fields.refuse("avg", f"{average!r} is not an average latency")
    try:
        histogram = build_histogram(counts, width=width, overflow=overflow, maximum=maximum)
    except UserError as error:
        fields.refuse("histogram", f"{error.text.what}: {error.text.why}")
    thread = ThreadResult(
        histogram=histogram,
        cycles=cycles,
        minimum=fields.integer("min", least=0),
        average=float(average),
        maximum=maximum,
        cpu=fields.integer("cpu", least=-1),
        node=fields.integer("node", least=-1),
    )
    check_thread(thread, where=fields.where)
    return thread


class _Reader:
    """A JSON object whose fields are taken by name and kind; the place of what is refused is told exactly."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            _refuse(where, f"an object should stand here, not {_shorten(value)}")
        self.fields: dict[str, Any] = value
        self.where = where

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise the UserError that says what is wrong with the field `key`."""
        _refuse(f"{self.where}: {key}", why)

    def child(self, key: str) -> _Reader:
        """The object in the field `key`."""
        if key not in self.fields:
            self.refuse(key, "the field is missing")
        return _Reader(self.fields[key], f"{self.where}: {key}")

    def integer(self, key: str, *, least: int = 0, most: int = COUNT_LIMIT) -> int:
        """The whole number in the field `key`, from `least` to `most`."""
        value = self.fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(
                key, f"{_shorten(value)} is not a whole number" if key in self.fields else "the field is missing"
            )
        if not least <= value <= most:
            self.refuse(key, f"{_shorten(value)} is not between {least} and {most}")
        return value

    def text_of(self, *keys: str) -> str:
        """The text in the first of the fields `keys` that is there; if several are, they must agree."""
        found = [self.fields[key] for key in keys if key in self.fields]
        if not found:
            self.refuse(keys[0], "the field is missing")
        if not isinstance(found[0], str) or any(value != found[0] for value in found):
            self.refuse(keys[0], f"{_shorten(found)} is not one text")
        return found[0]


def _parse(text: str | bytes, name: str) -> Any:
    def refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            _refuse(name, f"the field {twice!r} stands there twice")
        return fields

    def refuse_constant(constant: str) -> NoReturn:
        _refuse(name, f"{constant} is not a number in JSON")

    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        if not decoded.strip():
            _refuse(name, "the file is empty: cyclictest did not come to its end")
        return json.loads(decoded, object_pairs_hook=refuse_twice, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        if re.match(r"-?nan\b", decoded[error.pos :]) or re.search(r'"avg": -?nan\b', decoded):
            why = "an average is nan: a thread made no cycle, so nothing was measured"
        elif error.pos >= len(decoded.rstrip()):
            why = f"the file is cut short: {error.msg.lower()}"
        else:
            why = error.msg.lower()
        _refuse(f"{name}, line {error.lineno}, column {error.colno}", why)
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        _refuse(name, f"it is not JSON: {str(error) or type(error).__name__}")


def _shorten(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**20 else "a number of more than 20 digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse(where: str, why: str) -> NoReturn:
    raise UserError("this is not a whole result of cyclictest", where=where, why=why, next_step=NEXT_STEP)

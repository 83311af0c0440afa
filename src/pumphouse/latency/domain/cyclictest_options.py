# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of cyclictest, read back from the files of anybody's runs.

The options are those of rt-tests 2.4 to 2.8 (`cyclictest.c`, process_options).
"""

from __future__ import annotations

import re

import msgspec

from pumphouse.core.errors import UserError

DEFAULT_INTERVAL_US = 1000
DEFAULT_DISTANCE_US = 500
WIDEST_HISTOGRAM = 1_000_000  # HIST_MAX: cyclictest itself cuts a wider one down to this

# getopt's own notation: one colon for a value, two for a value that may be missing.
SHORT = "a::A::b:c:d:D:F:h:H:i:l:MNo:p:mqrRsSt::uvx"
LONG = {
    "affinity": "a",
    "aligned": "A",
    "breaktrace": "b",
    "clock": "c",
    "dbg_cyclictest": "",
    "default-system": "",
    "distance": "d",
    "duration": "D",
    "fifo": "F",
    "help": "",
    "histfile": ":",
    "histofall": "H",
    "histogram": "h",
    "interval": "i",
    "json": ":",
    "laptop": "",
    "latency": ":",
    "loops": "l",
    "mainaffinity": ":",
    "mlockall": "m",
    "nsecs": "N",
    "oscope": "o",
    "policy": ":",
    "posix_timers": "x",
    "priority": "p",
    "priospread": "",
    "quiet": "q",
    "refresh_on_max": "M",
    "relative": "r",
    "resolution": "R",
    "secaligned": "::",
    "smi": "",
    "smp": "S",
    "spike": ":",
    "spike-nodes": ":",
    "system": "s",
    "threads": "t",
    "tracemark": "",
    "unbuffered": "u",
    "verbose": "v",
}
SECONDS = {"": 1, "m": 60, "h": 3600, "d": 86_400}


class CyclictestOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a cyclictest was asked to do, as far as it decides what its numbers mean. None is "not asked for"."""

    priority: int = 0
    policy: str = "other"
    interval_us: int = DEFAULT_INTERVAL_US
    distance_us: int = 0
    duration_s: int | None = None
    loops: int | None = None
    histogram_width: int | None = None  # in microseconds, in nanoseconds where `nanoseconds` is set
    has_sum_column: bool = False
    threads: int | None = None
    break_us: int | None = None
    nanoseconds: bool = False
    relative: bool = False

    def expect_cycles(self, thread: int) -> int | None:
        """How many cycles thread number `thread` makes if it misses no wake-up; None where no end was asked for."""
        interval_us = self.interval_us + thread * self.distance_us
        ends = [] if self.duration_s is None else [self.duration_s * 1_000_000 // interval_us]
        return min([*ends, *([] if self.loops is None else [self.loops])], default=None)


def read_command_line(command_line: str, *, where: str = "cmdline") -> CyclictestOptions:
    """The options in a command line as cyclictest recorded it: words joined by spaces, unquoted.

    Follows getopt_long: values attached or in the next word, short options bundled, long ones shortened as far as
    they stay unique. Raises UserError for an option that no known version has, or a number that is none.
    """
    given = _split(command_line.split()[1:], where=where)
    histogram = given.get("h", given.get("H"))
    width = None if histogram is None else min(_number(histogram, "histogram", where), WIDEST_HISTOGRAM)
    priority = _number(given.get("p", "0"), "priority", where)
    policy = given.get("policy", "other").lower()
    if policy not in {"fifo", "rr"}:
        policy = "fifo" if priority else {"normal": "other"}.get(policy, policy)
    interval_us = _number(given.get("i", str(DEFAULT_INTERVAL_US)), "interval", where)
    if interval_us == 0:
        raise UserError("an interval of 0 us was recorded", where=where, why="cyclictest cannot wake up without one")
    distance_us = _number(given["d"], "distance", where) if "d" in given else DEFAULT_DISTANCE_US
    threads = given.get("t")
    return CyclictestOptions(
        priority=priority,
        policy=policy,
        interval_us=interval_us,
        distance_us=0 if width else distance_us,
        duration_s=_seconds(given["D"], where) if "D" in given else None,
        loops=_number(given["l"], "loops", where) or None if "l" in given else None,
        histogram_width=width or None,
        has_sum_column="H" in given,
        threads=_number(threads, "threads", where) if threads else (None if "t" in given or "S" in given else 1),
        break_us=_number(given["b"], "breaktrace", where) if "b" in given else None,
        nanoseconds="N" in given,
        relative="r" in given,
    )


def _split(words: list[str], *, where: str) -> dict[str, str]:
    """The value of each option by its short name, else its long one; "" for an option without a value."""
    given: dict[str, str] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            key, takes = _find_long(name, where)
            given[key] = value if "=" in word or not takes else _take_next(takes, waiting, word, where)
        elif word.startswith("-") and len(word) > 1:
            bundle = word[1:]
            while bundle:
                key, bundle = bundle[0], bundle[1:]
                takes = _find_short(key, where)
                if takes:
                    given[key] = bundle or _take_next(takes, waiting, f"-{key}", where)
                    bundle = ""
                else:
                    given[key] = ""
    return given


def _find_long(name: str, where: str) -> tuple[str, str]:
    """The key under which a long option is kept, and what it takes ("", ":" or "::")."""
    matches = [name] if name in LONG else [known for known in LONG if name and known.startswith(name)]
    if len(matches) != 1:
        raise UserError(
            f"--{name} is not an option of cyclictest",
            where=where,
            why="the recorded command line is corrupt, or from a version that Pumphouse does not know",
        )
    short = LONG[matches[0]]
    return (matches[0], short) if short in {"", ":", "::"} else (short, _find_short(short, where))


def _find_short(key: str, where: str) -> str:
    place = SHORT.find(key)
    if place < 0 or key == ":":
        raise UserError(
            f"-{key} is not an option of cyclictest",
            where=where,
            why="the recorded command line is corrupt, or from a version that Pumphouse does not know",
        )
    colons = re.match(":*", SHORT[place + 1 :])
    return colons.group() if colons else ""


def _take_next(takes: str, waiting: list[str], option: str, where: str) -> str:
    """The value in the next word. One that may be missing is taken only if it is a number (cyclictest does so)."""
    if takes == "::":
        return waiting.pop(0) if waiting and re.fullmatch(r"[!+\d][\d,!+-]*", waiting[0]) else ""
    if not waiting:
        raise UserError(f"{option} has no value", where=where, why="the recorded command line is cut short")
    return waiting.pop(0)


def _number(text: str, name: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UserError(f"the {name} {text!r} is not a number", where=where, why="the recorded command line is corrupt")
    return int(text)


def _seconds(text: str, where: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([mhdMHD]?)", text)
    if match is None:
        raise UserError(f"the duration {text!r} is not a time", where=where, why="cyclictest takes 60, 1m, 1h or 1d")
    return int(match[1]) * SECONDS[match[2].lower()]

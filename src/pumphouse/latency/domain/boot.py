# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One boot: what was asked of it, what came back, and what was made of that. The boot is the unit of replication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pumphouse.latency.domain.unit import name_unit

if TYPE_CHECKING:  # numpy stays out of the web process, which reads the other records here
    from pumphouse.core.histogram import Histogram

Side = Literal["a", "b"]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernels ran on. `virtual_shift` is the icount shift of QEMU, or None where time is real."""

    name: str
    virtual_shift: int | None = None
    is_model: bool = False  # nothing was booted: the latencies are drawn from a model

    @property
    def unit(self) -> str:
        """What its latencies are counted in, in words."""
        return name_unit(self.virtual_shift, is_model=self.is_model)


class MeasureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What each boot was to measure: SCHED_FIFO, locked memory, one latency per interval, for a fixed time.

    The time and not the number of cycles is fixed, because cyclictest counts only the cycles that it made: with `-l` a
    kernel that misses wake-ups measures longer and looks as good as one that misses none.
    """

    interval_us: int
    duration_s: int
    priority: int
    threads: int
    histogram_width_us: int


class LoadEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What ran beside the measurement, and how much of it: counts from its beginning to its end."""

    name: str
    rounds: dict[str, int] = {}  # by the name of each of its loops
    died: tuple[str, ...] = ()  # the loops that were gone at the end
    context_switches: int = 0
    interrupts: int = 0

    @property
    def total_rounds(self) -> int:
        """The rounds of all loops."""
        return sum(self.rounds.values())


class BootEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that a board hands back of one boot, as it came. Nothing in it has been believed yet."""

    side: Side
    number: int  # 1 to k within its side
    position: int  # 1 to 2k in the order in which the boots were started
    kernel: str  # the release that was meant to boot, as uname -r tells it
    expects_realtime: bool
    board: Board
    request: MeasureRequest
    load: LoadEvidence
    exit_code: int | None = None  # of cyclictest; None where the guest did not come that far
    json_text: str = ""
    histogram_text: str = ""
    messages: str = ""  # what cyclictest said on stderr
    thread_policy: str = ""  # as the guest's /proc tells it during the run: "fifo"; "" where it was not read
    thread_priority: int | None = None
    clocksource_before: str = ""
    clocksource_after: str = ""
    console: str = ""
    wall_s: float = 0.0
    failure: str = ""  # why the boot was given up, where it was (no userspace in time, panic)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question asked of a boot before its numbers count, and what was seen."""

    name: str
    passed: bool
    seen: str


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """A boot after the checks. `histogram` is there only where its result file could be read."""

    evidence: BootEvidence
    checks: tuple[Check, ...]
    histogram: Histogram | None = None
    release: str = ""
    version: str = ""  # of rt-tests
    cycles: int = 0
    expected_cycles: int | None = None
    missed_wakeups: int = 0

    @property
    def is_valid(self) -> bool:
        """Whether the boot measured what was asked, so that its numbers may count."""
        return self.histogram is not None and all(check.passed for check in self.checks)

    @property
    def failures(self) -> list[str]:
        """What is wrong with it, one sentence for each check that it did not pass."""
        return [f"{check.name}: {check.seen}" for check in self.checks if not check.passed]

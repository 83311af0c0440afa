# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One boot: what was asked of it, what came back, and what was made of that. The boot is the unit of replication."""

from __future__ import annotations

from typing import Literal

import msgspec

from pumphouse.core.histogram import Histogram
from pumphouse.latency.domain.cyclictest_options import MeasureRequest

Side = Literal["a", "b"]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernels ran on. `virtual_shift` is QEMU's icount shift, or None where time is real."""

    name: str
    virtual_shift: int | None = None
    detail: str = ""


class LoadEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What ran beside the measurement, and how much of it: counts over the measured time."""

    name: str
    loops: int = 0
    context_switches: int = 0
    interrupts: int = 0
    alive_at_end: bool = False


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

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a comparison is asked to do, checked before anything boots, and the order in which its boots run."""

from __future__ import annotations

import random
import shlex

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.latency.domain.boot import MeasureRequest, Side
from pumphouse.latency.domain.cyclictest_options import WIDEST_HISTOGRAM
from pumphouse.latency.domain.rule import refuse_few_boots
from pumphouse.latency.domain.unit import count_instructions

PRIORITY = 99
HISTOGRAM_WIDTH_US = 20_000
LOADS = ("stress", "idle")
DEFAULT_LIMIT_INSTRUCTIONS = 25_000  # 50 us at shift=1, which is 500 million instructions a second

SHIFTS = range(1, 9)
BOOTS = range(5, 12)  # 11 against 11 is the end of the exact tests (stats.MAX_RELABELINGS)
CYCLES = range(1_000, 10_000_001)  # below 1,000 the 99.9th percentile is the maximum
INTERVALS_US = range(100, 1_000_001)
INSTRUCTIONS_PER_INTERVAL = 20_000  # a wake-up took 3,700 (shift=4) to 4,000 (shift=1); the rest is for the load
LONGEST_S = 86_400


class CompareRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of `pumphouse latency compare`. The defaults are the first job: Debian's kernels in QEMU."""

    board: str = "qemu"
    boots: int = 5
    shift: int = 4
    a: str = "deb:linux-image-amd64"
    b: str = "deb:linux-image-rt-amd64"
    load: str = "stress"
    cycles: int = 5_000
    interval_us: int = 1_000
    limit_us: int = 0  # 0 stands for 25,000 instructions
    seed: int = 0  # of the order and the phases of the boots; 0 stands for the number of the run

    @property
    def duration_s(self) -> int:
        """How long each boot measures: cyclictest takes whole seconds, so the cycles are rounded up to them."""
        return -(-self.cycles * self.interval_us // 1_000_000)

    @property
    def exposure_limit_us(self) -> int:
        """The limit above which latencies are counted.

        The one asked for, else 25,000 instructions: 50 virtual microseconds at shift=1, 400 at shift=4. A fixed
        number of microseconds would ask another question at each shift.
        """
        return self.limit_us or DEFAULT_LIMIT_INSTRUCTIONS * 2**self.shift // 1000

    @property
    def measure(self) -> MeasureRequest:
        """What each boot measures."""
        return MeasureRequest(
            interval_us=self.interval_us,
            duration_s=self.duration_s,
            priority=PRIORITY,
            threads=1,
            histogram_width_us=HISTOGRAM_WIDTH_US,
        )


def check_request(request: CompareRequest) -> None:
    """Raise UserError for the first parameter with which the comparison could not give a verdict."""
    refuse_few_boots(request.boots, request.boots)
    _check_range("--boots", request.boots, BOOTS, "all arrangements of the boots are counted")
    _check_range("--shift", request.shift, SHIFTS, "that is 500 to 4 million instructions per second")
    _check_range("--cycles", request.cycles, CYCLES, "with fewer the 99.9th percentile is the maximum")
    _check_range("--interval-us", request.interval_us, INTERVALS_US, "cyclictest measures one latency per interval")
    _check_range("--limit-us", request.limit_us, range(WIDEST_HISTOGRAM), "0 stands for 25,000 instructions")
    _check_range("--seed", request.seed, range(2**32), "it decides the order of the boots")
    if request.load not in LOADS:
        raise UserError(
            f"the load {request.load!r} is not known",
            where="--load",
            why=f"these are: {', '.join(LOADS)}",
            next_step="use --load stress, under which realtime and other kernels differ",
        )
    for name, source in (("--a", request.a), ("--b", request.b)):
        if not source.strip():
            raise UserError(
                "no kernel is named", where=name, next_step=f"name one, for example {name} deb:linux-image-rt-amd64"
            )
    if request.limit_us >= HISTOGRAM_WIDTH_US:
        raise UserError(
            f"a limit of {request.limit_us:,} us is beyond the histogram",
            where="--limit-us",
            why=f"latencies from {HISTOGRAM_WIDTH_US:,} us on are not told apart",
            next_step=f"ask for a limit below {HISTOGRAM_WIDTH_US:,}",
        )
    least_us = -(-INSTRUCTIONS_PER_INTERVAL * 2**request.shift // 1000)
    if request.interval_us < least_us:
        held = count_instructions(request.interval_us, request.shift)
        raise UserError(
            f"an interval of {request.interval_us} us is too short at shift={request.shift}",
            where="--interval-us",
            why=f"it holds {held:,} instructions, and a wake-up alone takes some 4,000",
            next_step=f"use --interval-us {least_us} or more, or a smaller --shift",
        )
    if request.duration_s > LONGEST_S:
        raise UserError(
            f"{request.cycles:,} cycles of {request.interval_us:,} us take {request.duration_s:,} s in each boot",
            where="--cycles",
            why=f"the longest measurement is {LONGEST_S:,} s",
            next_step="ask for fewer cycles or a shorter interval",
        )


def write_title(request: CompareRequest) -> str:
    """What the run is called: the two kernels, the load and the board."""
    a, b = (source.removeprefix("deb:") for source in (request.a, request.b))
    return f"Compare {b} with {a}, {request.load} on {request.board}"


def write_command(request: CompareRequest) -> str:
    """The shell command that asks for the same comparison."""
    options = [
        f"--{name.replace('_', '-')}={shlex.quote(str(getattr(request, name)))}"
        for name in request.__struct_fields__
        if getattr(request, name) != getattr(CompareRequest(), name)
    ]
    return " ".join(["pumphouse latency compare", *options])


def pin_kernels(request: CompareRequest, *, source_a: str, source_b: str) -> CompareRequest:
    """The request that names the very kernels that were compared; "deb:linux-image-amd64" may be another tomorrow."""
    return msgspec.structs.replace(request, a=_pin(source_a), b=_pin(source_b))


def _pin(source: str) -> str:
    """The specification of exactly this kernel: of "deb:linux-image-6.1.0-56-amd64 6.1.192-2" the package."""
    return source.split(maxsplit=1)[0] if source.startswith(("deb:", "src:")) else source


def plan_boots(boots: int, seed: int) -> list[tuple[Side, int]]:
    """The order of the boots: k blocks of one boot of each side, each block's order drawn from the seed.

    A drift of the host (its load, its temperature) then falls on both sides alike. The test afterwards deals all 2k
    boots freely, not only within blocks: a drift makes it a little too cautious, never too bold. The blocks alone
    would have 2^k arrangements, and 5 + 5 boots could not get below p = 0.031.
    """
    draw = random.Random(seed)  # noqa: S311  # the order of boots guards no secret
    plan: list[tuple[Side, int]] = []
    for number in range(1, boots + 1):
        block: list[tuple[Side, int]] = [("a", number), ("b", number)]
        if draw.random() < 0.5:
            block.reverse()
        plan += block
    return plan


def _check_range(name: str, value: int, allowed: range, why: str) -> None:
    if value not in allowed:
        raise UserError(
            f"{name} {value:,} is out of range",
            where=name,
            why=f"{why}; it is {allowed.start:,} to {allowed.stop - 1:,}",
            next_step=f"use {name} {min(max(value, allowed.start), allowed.stop - 1)}",
        )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a comparison boots on: the board, the kernels, the measurement and its limits, from a checked request."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pumphouse.core.errors import UserError
from pumphouse.core.progress import Progress
from pumphouse.lab.board import Board as LabBoard
from pumphouse.lab.board import BootJob, Limits, QemuBoard
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.load import read_load
from pumphouse.lab.measure import Cyclictest, cyclictest_job
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine
from pumphouse.latency.domain.boot import Board
from pumphouse.latency.domain.request import CompareRequest
from pumphouse.latency.fake import open_fake_board, open_fake_kernel

BOARDS = ("qemu", "fake")
AT_ONCE = 2  # measured: two guests at a time on two cores do not change each other's virtual latencies
BOOT_INSTRUCTIONS = 1.7e9  # of Debian's 6.1 from power on to the job: 25 s at shift=4, 3.4 s at shift=1
SLOWEST_INSTRUCTIONS_PER_S = 25e6  # of the emulator on a loaded machine; an idle one does 100 to 200 million


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A board, as the lab drives it and as results name it."""

    lab: LabBoard
    board: Board


def open_bench(request: CompareRequest) -> Bench:
    """The board of a request. Raises UserError naming the boards there are."""
    match request.board:
        case "qemu":
            lab = QemuBoard(Machine(shift=request.shift), at_once=min(AT_ONCE, os.cpu_count() or 1))
            return Bench(lab=lab, board=Board(name="qemu", virtual_shift=request.shift))
        case "fake":
            fake = open_fake_board(make_test(request), request.load)
            return Bench(lab=fake, board=Board(name="fake", is_model=True))
    raise UserError(
        f"there is no board {request.board!r}", where="--board", next_step=f"choose one of: {', '.join(BOARDS)}"
    )


async def open_compared_kernel(request: CompareRequest, specification: str, *, progress: Progress) -> Kernel:
    """The kernel that a specification names on the request's board. Raises UserError or InfraError."""
    if request.board == "fake":
        return open_fake_kernel(specification)
    return await open_kernel(specification, progress=progress)


def make_test(request: CompareRequest) -> Cyclictest:
    """The measurement of each boot."""
    measure = request.measure
    return Cyclictest(
        duration_s=measure.duration_s,
        interval_us=measure.interval_us,
        priority=measure.priority,
        width_us=measure.histogram_width_us,
    )


def make_boot_job(request: CompareRequest, *, position: int) -> BootJob:
    """The job of the boot at `position` in the run's order. Its seed is the run's and the position's alone."""
    seed = request.seed * 1_000 + position
    return cyclictest_job(make_test(request), read_load(request.load), seed=seed, limits=find_limits(request))


def find_limits(request: CompareRequest) -> Limits:
    """When a boot is given up: a multiple of what it needs, by the guest's clock and by ours."""
    per_second = 1e9 / 2**request.shift
    guest_s = 60 + 2 * request.duration_s + 4 * BOOT_INSTRUCTIONS / per_second
    needed = (request.duration_s + 2) * per_second + BOOT_INSTRUCTIONS
    wall_s = 120 + needed / SLOWEST_INSTRUCTIONS_PER_S
    return Limits(guest_s=guest_s, wall_s=wall_s, silence_s=wall_s)

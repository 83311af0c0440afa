# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Boots for tests: evidence of the fake kernels, changed where a test needs it."""

from __future__ import annotations

from typing import Any

import msgspec

from pumphouse.lab.measure import Cyclictest
from pumphouse.latency import fake
from pumphouse.latency.domain.boot import Board, Boot, BootEvidence, LoadEvidence, MeasureRequest, Side
from pumphouse.latency.domain.boot_files import read_clocks, read_load, read_status, read_threads
from pumphouse.latency.domain.validity import judge_boot

QEMU = Board(name="qemu", virtual_shift=4)
CYCLES_S = 5
WIDTH_US = 5_000


def make_evidence(
    model: str = "fake:stock",
    *,
    side: Side = "a",
    number: int = 1,
    seed: int = 1,
    latencies: Any = None,
    **changes: Any,
) -> BootEvidence:
    """The evidence of one boot of a fake kernel, as if QEMU had booted it; `changes` replace its fields."""
    test = Cyclictest(duration_s=CYCLES_S, width_us=WIDTH_US)
    opened = fake.open_fake_kernel(model)
    drawn = fake.MODELS[model].draw(test.expected_cycles, seed=seed) if latencies is None else latencies
    files = {name: content.decode() for name, content in fake.render_files(opened, test, "stress", drawn).items()}
    policy, priority = read_threads(files["threads.txt"])
    before, after = read_clocks(files["clocks.txt"])
    exit_code, messages = read_status(files["status.txt"])
    evidence = BootEvidence(
        side=side,
        number=number,
        position=2 * number - (side == "a"),
        kernel=opened.release,
        expects_realtime=opened.is_realtime,
        board=QEMU,
        request=MeasureRequest(
            interval_us=1000, duration_s=CYCLES_S, priority=99, threads=1, histogram_width_us=WIDTH_US
        ),
        load=read_load("stress", files["load.txt"]),
        exit_code=exit_code,
        messages=messages,
        json_text=files["cyclictest.json"],
        histogram_text=files["cyclictest.txt"],
        thread_policy=policy,
        thread_priority=priority,
        clocksource_before=before,
        clocksource_after=after,
        console="Linux version",
        wall_s=9.0,
    )
    return msgspec.structs.replace(evidence, **changes)


def make_boot(model: str = "fake:stock", **changes: Any) -> Boot:
    """One judged boot."""
    return judge_boot(make_evidence(model, **changes))


def make_boots(a: str = "fake:stock", b: str = "fake:realtime", *, each: int = 5, first_seed: int = 1) -> list[Boot]:
    """`each` boots of both kernels, interleaved."""
    return [
        make_boot(model, side=side, number=number, seed=first_seed + 2 * number + (side == "b"))
        for number in range(1, each + 1)
        for side, model in (("a", a), ("b", b))
    ]


def load_evidence(**changes: Any) -> LoadEvidence:
    """A load that worked, changed."""
    working = LoadEvidence(name="stress", rounds={"hackbench": 4, "grep": 4}, context_switches=60_000, interrupts=9_000)
    return msgspec.structs.replace(working, **changes)

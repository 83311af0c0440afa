# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A board that measures a model: boots nothing, and leaves what a guest leaves, byte for byte in the real formats.

The latencies are drawn from a model of the two kinds of kernel and a seed, so that the same seed gives the same boot.
It serves tests and demonstrations; results carry the unit "modelled microseconds".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pumphouse.core.errors import UserError
from pumphouse.lab.fake import FakeBoard, render_console
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.load import read_load
from pumphouse.lab.measure import Cyclictest

Latencies = npt.NDArray[np.int64]
VERSION = "2.40"


@dataclass(frozen=True, kw_only=True)
class Model:
    """How latencies are distributed: a lognormal body, an exponential tail above it, and a factor for each boot."""

    median_us: float
    spread: float
    tail_share: float
    tail_us: float
    boot_spread: float = 0.03

    def draw(self, cycles: int, *, seed: int) -> Latencies:
        """`cycles` latencies in whole microseconds, cut, as cyclictest counts them."""
        random = np.random.default_rng(seed)
        body = self.median_us * np.exp(random.normal(0.0, self.spread, cycles))
        in_tail = random.random(cycles) < self.tail_share
        tail = random.exponential(self.tail_us, cycles)
        factor = np.exp(random.normal(0.0, self.boot_spread))
        return np.asarray((body + np.where(in_tail, tail, 0.0)) * factor, dtype=np.int64)


# Close to Debian's kernels under icount shift=4 and the load "stress".
MODELS = {
    "fake:stock": Model(median_us=71.0, spread=0.12, tail_share=0.02, tail_us=250.0),
    "fake:realtime": Model(median_us=69.0, spread=0.11, tail_share=0.01, tail_us=10.0),
    "fake:slower": Model(median_us=84.0, spread=0.12, tail_share=0.02, tail_us=250.0),
}


def open_fake_kernel(specification: str) -> Kernel:
    """The kernel of a model. Raises UserError naming the models there are."""
    if specification not in MODELS:
        raise UserError(
            f"the fake board has no kernel {specification!r}",
            where="--a, --b",
            why="it boots models, not kernels",
            next_step=f"name one of {', '.join(MODELS)}, or use --board qemu",
        )
    name = specification.partition(":")[2]
    is_realtime = name == "realtime"
    return Kernel(
        release=f"6.1.0-{name}",
        image=Path("/nonexistent"),
        config={"CONFIG_PREEMPT_RT": "y"} if is_realtime else {},
        source=specification,
        sha256=name.encode().hex(),
    )


def open_fake_board(test: Cyclictest, load: str) -> FakeBoard:
    """The board that answers the measurement `test` under the load of that name from the models."""

    def print_console(kernel: Kernel, seed: int) -> bytes:
        latencies = MODELS[kernel.source].draw(test.expected_cycles, seed=seed)
        return render_console(kernel, render_files(kernel, test, load, latencies))

    return FakeBoard(console=print_console)


def render_files(kernel: Kernel, test: Cyclictest, load: str, latencies: Latencies) -> dict[str, bytes]:
    """What a guest leaves after a measurement that saw `latencies`, in order of time."""
    kept = latencies[: find_cycles(latencies, test)]
    loops = [loop.name for loop in read_load(load).loops]
    alive = "".join(f"alive {name}\n" for name in loops)
    before = "".join(f"rounds {name} 0\n" for name in loops) + alive + "intr 6000\nctxt 2000\nprocesses 150\n"
    after = "".join(f"rounds {name} 4\n" for name in loops) + alive + "intr 15000\nctxt 62000\nprocesses 400\n"
    return {
        "cyclictest.json": render_json(
            [kept],
            command_line=" ".join(test.argv()),
            width=test.width_us,
            release=kernel.release,
            kernel_version=f"#1 SMP {'PREEMPT_RT' if kernel.is_realtime else 'PREEMPT_DYNAMIC'} Debian fake",
            realtime=kernel.is_realtime,
        ).encode(),
        "cyclictest.txt": render_text([kept], width=test.width_us).encode(),
        "threads.txt": f"161 0 0\n180 {test.priority} 1\n".encode(),
        "load.txt": f"before\n{before}after\n{after}".encode(),
        "clocks.txt": b"before tsc\nafter tsc\n",
        "status.txt": b"exit 0\n# /dev/cpu_dma_latency set to 0us\n",
    }


def find_cycles(latencies: Latencies, test: Cyclictest) -> int:
    """How many of the latencies a run of the test's duration sees: each late wake-up skips those it passed over."""
    taken = np.cumsum(1 + latencies // test.interval_us)
    return int(np.searchsorted(taken, test.expected_cycles, side="right"))


def render_json(
    threads: list[Latencies],
    *,
    command_line: str,
    width: int,
    release: str,
    kernel_version: str,
    realtime: bool,
    start_time: str = "Tue, 24 Nov 2026 12:00:00 +0000",
    end_time: str = "Tue, 24 Nov 2026 12:00:05 +0000",
    nodename: str = "(none)",
    node: int = 0,
) -> str:
    """The file of `cyclictest --json` (rt-utils.c rt_write_json, cyclictest.c write_stats), rt-tests 2.4."""
    parts = []
    for number, latencies in enumerate(threads):
        values, counts = np.unique(latencies[latencies < width], return_counts=True)
        bins = ",".join(f'\n        "{value}": {count}' for value, count in zip(values, counts, strict=True))
        parts.append(f"""\
    "{number}": {{
      "histogram": {{{bins}{chr(10) if bins else ""}      }},
      "cycles": {latencies.size},
      "min": {latencies.min()},
      "max": {latencies.max()},
      "avg": {latencies.mean():.2f},
      "cpu": {number},
      "node": {node}
    }}""")
    return f"""\
{{
  "file_version": 1,
  "cmdline:": "{command_line}",
  "rt_test_version:": "{VERSION}",
  "start_time": "{start_time}",
  "end_time": "{end_time}",
  "return_code": 0,
  "sysinfo": {{
    "sysname": "Linux",
    "nodename": "{nodename}",
    "release": "{release}",
    "version": "{kernel_version}",
    "machine": "x86_64",
    "realtime": {int(realtime)}
  }},
  "num_threads": {len(threads)},
  "resolution_in_ns": 0,
  "thread": {{
{f",{chr(10)}".join(parts)}
  }}
}}
"""


def render_text(threads: list[Latencies], *, width: int, with_sum: bool = False) -> str:
    """The file of `cyclictest --histfile` (cyclictest.c print_hist), rt-tests 2.4; `with_sum` as under -H."""
    table = np.stack([np.bincount(thread[thread < width], minlength=width) for thread in threads])
    outside = [np.flatnonzero(thread >= width) for thread in threads]
    sums = with_sum and len(threads) > 1
    rows = np.vstack([table, table.sum(axis=0)]) if sums else table
    lines = list(_render_zeros(width, len(rows)))
    for value in np.flatnonzero(table.any(axis=0)).tolist():
        lines[value] = f"{value:06d} " + "\t".join(f"{count:06d}" for count in rows[:, value])
    totals = [thread.size - lost.size for thread, lost in zip(threads, outside, strict=True)]
    maxima = [int(thread.max()) for thread in threads]
    overflows = [lost.size for lost in outside]
    extra = [[sum(totals)], [max(maxima)], [sum(overflows)]] if sums else [[], [], []]
    footer = [
        "# Total: " + " ".join(f"{count:09d}" for count in [*totals, *extra[0]]),
        "# Min Latencies: " + " ".join(f"{thread.min():05d}" for thread in threads),
        "# Avg Latencies: " + " ".join(f"{int(thread.mean()):05d}" for thread in threads),
        "# Max Latencies: " + " ".join(f"{maximum:05d}" for maximum in [*maxima, *extra[1]]),
        "# Histogram Overflows: " + " ".join(f"{count:05d}" for count in [*overflows, *extra[2]]),
        "# Histogram Overflow at cycle number:",
        *(
            f"# Thread {number}:"
            + "".join(f" {cycle:05d}" for cycle in lost[:width])
            + (f" # {lost.size - width:05d} others" if lost.size > width else "")
            for number, lost in enumerate(outside)
        ),
    ]
    return "\n".join(["# Histogram", *lines, *footer, "", ""])


@lru_cache(maxsize=4)
def _render_zeros(width: int, columns: int) -> tuple[str, ...]:
    zeros = "\t".join(["000000"] * columns)
    return tuple(f"{value:06d} {zeros}" for value in range(width))

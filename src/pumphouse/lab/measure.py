# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Measuring in a guest: the cyclictest job. It brings back what the tool said, untouched; judging is not the lab's.

Files that come back:

    cyclictest.json   cyclictest's own record (rt-tests, file_version 1)
    cyclictest.txt    its histogram as text (--histfile): the second account of the same cycles
    threads.txt       policy and realtime priority of each of its threads while it ran: "TID PRIORITY POLICY"
    load.txt          "before", then rounds and kernel counters; "after", then the same
    clocks.txt        the clock source before and after
    status.txt        cyclictest's exit status, and what it complained of
"""

from __future__ import annotations

from dataclasses import dataclass

from pumphouse.core.errors import UserError
from pumphouse.lab.board import BootJob, Limits
from pumphouse.lab.image import Manifest
from pumphouse.lab.load import Load

SETTLE_S = 0.3  # guest seconds between the start of the load and of the measurement


@dataclass(frozen=True, kw_only=True)
class Cyclictest:
    """A cyclictest measurement: one thread, `duration_s` whole seconds of guest time, a wake-up each `interval_us`."""

    duration_s: int = 5
    interval_us: int = 1000
    priority: int = 99
    width_us: int = 4000  # of the histogram; what is later is counted as overflow

    def check(self) -> None:
        """Raise UserError where a number cannot be measured with."""
        for name, value, low, high in (
            ("duration", self.duration_s, 1, 86400),
            ("interval", self.interval_us, 50, 1_000_000),
            ("priority", self.priority, 1, 99),
            ("width", self.width_us, 10, 1_000_000),
        ):
            if not low <= value <= high:
                raise UserError(
                    f"{name} {value} is not possible", where=f"--{name}", next_step=f"choose from {low} to {high}"
                )

    @property
    def expected_cycles(self) -> int:
        """How many wake-ups there would be if none were missed."""
        return self.duration_s * 1_000_000 // self.interval_us

    def argv(self) -> list[str]:
        """The command in the guest (cyclictest(8))."""
        return [
            *("cyclictest", "--quiet", "--mlockall", "--threads=1"),
            f"--priority={self.priority}",
            f"--interval={self.interval_us}",
            f"--duration={self.duration_s}",
            f"--histogram={self.width_us}",
            "--json=/results/cyclictest.json",
            "--histfile=/results/cyclictest.txt",
        ]


def cyclictest_job(test: Cyclictest, load: Load, *, seed: int = 0, limits: Limits | None = None) -> BootJob:
    """The boot job that measures under a load. `seed` shifts the measurement's phase by some ms: boots differ."""
    test.check()
    script = f"""\
{load.start_script()}
usleep {int(SETTLE_S * 1e6) + seed * 7919 % 50_000}
echo "before $(clock)" > clocks.txt
echo before > load.txt
{load.record_script("load.txt")}
mark say "cyclictest runs for {test.duration_s} s under the load {load.name}"
{" ".join(test.argv())} > /tmp/out 2>&1 &
tool=$!
# A thread that was just made is not realtime yet: look until one is.
for attempt in 1 2 3 4 5 6 7 8; do
    usleep 250000
    [ -d /proc/$tool/task ] || break
    : > threads.txt
    for status in /proc/$tool/task/*/stat; do
        # proc(5): after the name, fields 40 and 41 are rt_priority and policy.
        echo "$(basename $(dirname $status)) $(sed 's/.*) //' $status | cut -d' ' -f39,38)" >> threads.txt
    done
    grep -qv ' 0 0$' threads.txt && break
done
wait $tool
echo "exit $?" > status.txt
cat /tmp/out >> status.txt
echo after >> load.txt
{load.record_script("load.txt")}
{load.stop_script()}
echo "after $(clock)" >> clocks.txt
grep -q '^exit 0' status.txt
"""
    programs = ("cyclictest", *load.programs)
    return BootJob(manifest=Manifest(programs=programs, job=script), limits=limits or Limits(), seed=seed)

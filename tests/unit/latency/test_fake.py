# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The fake board writes what cyclictest and a guest write, byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from pumphouse.core.errors import UserError
from pumphouse.core.progress import Silent
from pumphouse.lab.load import read_load
from pumphouse.lab.measure import Cyclictest, cyclictest_job
from pumphouse.latency import fake
from pumphouse.latency.domain.cyclictest import CyclictestResult, ThreadResult, read_json, refuse_unless_same
from pumphouse.latency.domain.cyclictest_text import read_text

pytestmark = pytest.mark.unit

DATA = Path(__file__).parents[2] / "data" / "latency"
TEST = Cyclictest(duration_s=2, width_us=2000)


def unroll(thread: ThreadResult, *, late_cycle: int = 0) -> fake.Latencies:
    """Latencies that give the thread's histogram; the one beyond its width, if any, is that of `late_cycle`."""
    inside = np.repeat(thread.histogram.values, thread.histogram.counts)
    return np.insert(inside, late_cycle, thread.maximum) if thread.overflow == 1 else inside


def render(result: CyclictestResult, node: int) -> str:
    return fake.render_json(
        [unroll(thread) for thread in result.threads],
        command_line=result.command_line,
        width=result.options.histogram_width or 0,
        release=result.release,
        kernel_version=result.kernel_version,
        realtime=result.realtime,
        start_time=result.start_time,
        end_time=result.end_time,
        nodename="(none)" if "Debian" in result.kernel_version else "host",
        node=node,
    )


@pytest.mark.parametrize(
    ("name", "node"),
    [("one_thread", 0), ("two_threads_with_sum_column", -1), ("guest_realtime_under_stress", 0)],
)
def test_its_json_is_that_of_cyclictest_byte_for_byte(name: str, node: int) -> None:
    real = (DATA / f"{name}.json").read_text()
    assert render(read_json(real), node) == real


@pytest.mark.parametrize(("name", "with_sum"), [("one_thread", False), ("two_threads_with_sum_column", True)])
def test_its_histogram_is_that_of_cyclictest_byte_for_byte(name: str, with_sum: bool) -> None:
    real = (DATA / f"{name}.hist").read_text()
    width = read_json((DATA / f"{name}.json").read_bytes()).options.histogram_width or 0
    text = fake.render_text(
        [unroll(t, late_cycle=547) for t in read_text(real).threads], width=width, with_sum=with_sum
    )
    assert text == real


def test_its_overflows_are_written_as_cyclictest_writes_them() -> None:
    few = np.asarray([5, 30, 6, 31])
    many = np.asarray([9] + [30] * 20)
    for latencies in (few, many):
        text = read_text(fake.render_text([latencies], width=10))
        assert text.threads[0].overflow == int((latencies >= 10).sum())
        assert text.threads[0].cycles == latencies.size


def test_a_boot_of_it_leaves_a_consistent_set_of_files() -> None:
    board, kernel = fake.open_fake_board(TEST, "stress"), fake.open_fake_kernel("fake:stock")
    job = cyclictest_job(TEST, read_load("idle"), seed=7)
    boot = asyncio.run(board.boot(kernel, job, progress=Silent()))
    again = asyncio.run(board.boot(kernel, job, progress=Silent()))
    assert boot.files == again.files
    result = read_json(boot.files["cyclictest.json"])
    refuse_unless_same(result, read_text(boot.files["cyclictest.txt"], width=2000).threads, where="cyclictest.txt")
    assert result.expected_cycles == result.cycles + result.missed_wakeups


def test_wakeups_that_a_late_cycle_passed_over_are_not_measured() -> None:
    latencies = np.asarray([10, 2500, 10, 999, 10])
    test = Cyclictest(duration_s=1, interval_us=200_000)
    assert fake.find_cycles(latencies, test) == 5
    assert fake.find_cycles(latencies * 100, test) == 4
    result = read_json(
        fake.render_files(fake.open_fake_kernel("fake:stock"), test, "idle", latencies * 100)["cyclictest.json"]
    )
    assert result.cycles == 4


def test_a_kernel_that_it_has_no_model_of_is_refused() -> None:
    with pytest.raises(UserError, match="fake:stock, fake:realtime"):
        fake.open_fake_kernel("deb:linux-image-amd64")

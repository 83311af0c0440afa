# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a boot leaves besides cyclictest's own files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.latency.domain.boot import LoadEvidence
from pumphouse.latency.domain.boot_files import read_clocks, read_load, read_status, read_threads

pytestmark = pytest.mark.unit

GUEST = Path(__file__).parents[2] / "data" / "latency" / "guest"


def test_the_files_of_a_real_guest_are_understood() -> None:
    assert read_threads((GUEST / "threads.txt").read_text()) == ("fifo", 99)
    assert read_clocks((GUEST / "clocks.txt").read_text()) == ("tsc", "tsc")
    assert read_status((GUEST / "status.txt").read_text()) == (0, "# /dev/cpu_dma_latency set to 0us")
    assert read_load("stress", (GUEST / "load.txt").read_text()) == LoadEvidence(
        name="stress", rounds={"hackbench": 2, "grep": 5}, context_switches=138_729, interrupts=9_574
    )


@pytest.mark.parametrize(
    ("text", "ran"),
    [
        ("", ("", None)),
        ("161 0 0\n", ("", None)),
        ("161 0 0\n180 0 0\n", ("other", 0)),
        ("161 0 0\n180 99 1\n181 48 2\n", ("rr", 48)),
        ("180 99 1\n161 0 0\n", ("fifo", 99)),
        ("161 0 0\n180 99 9\n", ("policy 9", 99)),
        ("161 0 0\n180 99\nnonsense here too\n", ("", None)),
    ],
)
def test_the_measuring_threads_are_told_from_the_main_one(text: str, ran: tuple[str, int | None]) -> None:
    assert read_threads(text) == ran


def test_a_loop_that_died_during_the_measurement_is_named() -> None:
    load = read_load(
        "stress", "before\nrounds a 1\nalive a\nrounds b 0\nalive b\nafter\nrounds a 1\nrounds b 4\nalive b\n"
    )
    assert load == LoadEvidence(name="stress", rounds={"a": 0, "b": 4}, died=("a",))


def test_a_record_without_its_end_counts_as_nothing_done() -> None:
    assert read_load("stress", "before\nrounds a 7\nctxt 5\n") == LoadEvidence(name="stress")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("exit 127\nsh: cyclictest: not found\n", (127, "sh: cyclictest: not found")),
        ("", (None, "")),
        ("exit", (None, "")),
    ],
)
def test_the_status_is_told_with_what_was_said(text: str, status: tuple[int | None, str]) -> None:
    assert read_status(text) == status


@given(st.text(max_size=60))
def test_no_text_makes_them_fail(text: str) -> None:
    read_threads(text), read_load("stress", text), read_clocks(text), read_status(text)

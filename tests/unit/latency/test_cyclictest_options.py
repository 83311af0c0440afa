# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of cyclictest, read back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.lab.measure import Cyclictest
from pumphouse.latency.domain.cyclictest_options import CyclictestOptions, read_command_line

pytestmark = pytest.mark.unit


@given(
    st.builds(
        Cyclictest,
        interval_us=st.integers(50, 10**6),
        duration_s=st.integers(1, 86_400),
        priority=st.integers(1, 99),
        width_us=st.integers(10, 10**6),
    )
)
def test_what_the_lab_asks_for_is_read_back(asked: Cyclictest) -> None:
    assert read_command_line(" ".join(asked.argv())) == CyclictestOptions(
        priority=asked.priority,
        policy="fifo",
        interval_us=asked.interval_us,
        duration_s=asked.duration_s,
        histogram_width=asked.width_us,
        threads=1,
    )


@pytest.mark.parametrize(
    "spelling",
    [
        "cyclictest -q -m -t1 -p98 -i 200 -D 1m -h 400",
        "cyclictest -qmt1 -p98 -i200 -D60 -h400",
        "./cyclictest -qmp98 -t 1 --interval 200 --duration=60 --histogram 400",
        "cyclictest --priori=98 --inter=200 --dur 1m --histog=400 --thr=1 --latency=0 --laptop",
        "cyclictest -p98 -t1 --policy=fifo -a 0-1,3 -A -i200 -D1m -h400 -d 0",
        "cyclictest -i1000 -i200 -p98 -t1 -D1M -h400 -- -i7",
    ],
)
def test_the_same_options_are_read_in_every_spelling(spelling: str) -> None:
    assert read_command_line(spelling) == CyclictestOptions(
        priority=98, policy="fifo", interval_us=200, duration_s=60, histogram_width=400, threads=1
    )


@pytest.mark.parametrize(
    ("command_line", "policy"),
    [
        ("cyclictest", "other"),
        ("cyclictest -p5", "fifo"),
        ("cyclictest --policy=rr -p5", "rr"),
        ("cyclictest --policy=RR", "rr"),
        ("cyclictest --policy=other -p5", "fifo"),
        ("cyclictest --policy=normal", "other"),
        ("cyclictest --policy=batch", "batch"),
    ],
)
def test_the_policy_is_the_one_that_cyclictest_settles_on(command_line: str, policy: str) -> None:
    assert read_command_line(command_line).policy == policy


def test_the_number_of_threads_is_open_where_it_depends_on_the_machine() -> None:
    assert read_command_line("cyclictest").threads == 1
    assert read_command_line("cyclictest -S -p 99").threads is None
    assert read_command_line("cyclictest -t -p 99").threads is None
    assert read_command_line("cyclictest -t -a 0 -p 99").threads is None


def test_a_histogram_sets_the_distance_between_threads_to_zero() -> None:
    assert read_command_line("cyclictest -t2 -d 300").distance_us == 300
    assert read_command_line("cyclictest -t2").distance_us == 500
    assert read_command_line("cyclictest -t2 -d 300 -h 400").distance_us == 0
    assert read_command_line("cyclictest -t2 -D 3").expect_cycles(1) == 2000


def test_cycles_are_expected_by_whichever_end_comes_first() -> None:
    assert read_command_line("cyclictest -h9 -D 5 -i 200").expect_cycles(0) == 25_000
    assert read_command_line("cyclictest -h9 -l 700").expect_cycles(0) == 700
    assert read_command_line("cyclictest -h9 -D 5 -l 700").expect_cycles(0) == 700
    assert read_command_line("cyclictest -h9 -l 0").expect_cycles(0) is None


def test_a_histogram_is_never_wider_than_cyclictest_makes_it() -> None:
    assert read_command_line("cyclictest -h 5000000").histogram_width == 1_000_000


@pytest.mark.parametrize(
    ("command_line", "why"),
    [
        ("cyclictest -k", "-k is not an option"),
        ("cyclictest -:", "-: is not an option"),
        ("cyclictest --nonsense", "--nonsense is not an option"),
        ("cyclictest --l 5", "--l is not an option"),
        ("cyclictest -p", "-p has no value"),
        ("cyclictest -p x", "the priority 'x' is not a number"),
        ("cyclictest -i 0", "an interval of 0 us"),
        ("cyclictest -D soon", "'soon' is not a time"),
        ("cyclictest -h 1e6", "the histogram '1e6' is not a number"),
    ],
)
def test_a_command_line_that_cyclictest_would_not_take_is_refused(command_line: str, why: str) -> None:
    with pytest.raises(UserError, match=why.replace("(", r"\(")):
        read_command_line(command_line)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        read_command_line(f"cyclictest {text}")

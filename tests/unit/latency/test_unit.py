# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Units and numbers, as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.latency.domain.boot import Board
from pumphouse.latency.domain.unit import count_instructions, write_change, write_number, write_p, write_share

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (71, "71"),
        (101, "101"),
        (70.96, "71.0"),
        (8.044, "8.04"),
        (99.96, "100"),
        (999.6, "1,000"),
        (1661.2, "1,660"),
        (25000, "25,000"),
        (0.12345, "0.123"),
        (math.inf, "inf"),
    ],
)
def test_numbers_have_three_significant_figures(value: float, text: str) -> None:
    assert write_number(value) == text


@given(st.floats(1e-6, 1e12))
def test_a_written_number_is_within_half_a_percent_of_the_number(value: float) -> None:
    assert float(write_number(value).replace(",", "")) == pytest.approx(value, rel=0.00501)


def test_the_unit_says_that_time_is_virtual_or_modelled() -> None:
    assert Board(name="qemu", virtual_shift=4).unit == "virtual microseconds at shift=4"
    assert Board(name="rack-1").unit == "microseconds"
    assert Board(name="fake", virtual_shift=4, is_model=True).unit == "modelled microseconds"


def test_a_virtual_latency_is_a_number_of_instructions() -> None:
    assert count_instructions(50, 1) == count_instructions(400, 4) == 25_000


def test_p_values_shares_and_changes_are_short() -> None:
    assert (write_p(1 / 252), write_p(1 / 12_870), write_p(1.0)) == ("p = 0.004", "p < 0.001", "p = 1.000")
    assert (write_share(0.00012), write_share(0.0501), write_share(0), write_share(1)) == ("1.2e-4", "0.05", "0", "1")
    assert (write_change(1.1), write_change(0.13), write_change(7.66)) == ("+10 %", "-87 %", "7.66 times")

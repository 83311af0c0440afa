# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What may be asked for, and in which order the boots run."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.latency.domain.request import CompareRequest, check_request, plan_boots

pytestmark = pytest.mark.unit


def test_the_defaults_are_allowed() -> None:
    check_request(CompareRequest())


@pytest.mark.parametrize(
    ("changes", "what", "next_step"),
    [
        ({"boots": 3}, "3 against 3 boots cannot show a difference", "use --boots 5 or more"),
        ({"boots": 4}, "4 against 4 boots cannot show a difference", "use --boots 5 or more"),
        ({"boots": -1}, "-1 against -1 boots cannot show", "use --boots 5"),
        ({"boots": 12}, "--boots 12 is out of range", "use --boots 11"),
        ({"shift": 0}, "--shift 0 is out of range", "use --shift 1"),
        ({"shift": 9}, "--shift 9 is out of range", "use --shift 8"),
        ({"shift": 6}, "an interval of 1000 us is too short at shift=6", "use --interval-us 1280"),
        ({"cycles": -1}, "--cycles -1 is out of range", "use --cycles 1000"),
        ({"cycles": 999}, "--cycles 999 is out of range", "use --cycles 1000"),
        ({"cycles": 10**7, "interval_us": 10**6}, "take 10,000,000 s in each boot", "ask for fewer cycles"),
        ({"interval_us": 0}, "--interval-us 0 is out of range", "use --interval-us 100"),
        ({"limit_us": -1}, "--limit-us -1 is out of range", "use --limit-us 0"),
        ({"limit_us": 20_000}, "a limit of 20,000 us is beyond the histogram", "ask for a limit below 20,000"),
        ({"seed": -1}, "--seed -1 is out of range", "use --seed 0"),
        ({"load": "heavy"}, "the load 'heavy' is not known", "use --load stress"),
        ({"a": " "}, "no kernel is named", "name one"),
    ],
)
def test_what_cannot_give_a_verdict_is_refused_with_what_could(
    changes: dict[str, Any], what: str, next_step: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_request(CompareRequest(**changes))
    assert what in caught.value.text.what
    assert next_step in caught.value.text.next_step
    assert caught.value.text.where.startswith("--")


def test_a_parameter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="`bots`"):
        msgspec.convert({"bots": 5}, CompareRequest)


def test_cycles_are_rounded_up_to_whole_seconds() -> None:
    assert CompareRequest(cycles=5_000, interval_us=1_000).duration_s == 5
    assert CompareRequest(cycles=5_001, interval_us=1_000).duration_s == 6


def test_the_limit_that_is_not_named_is_a_number_of_instructions() -> None:
    assert CompareRequest(shift=1).exposure_limit_us == 50
    assert CompareRequest(shift=4).exposure_limit_us == 400
    assert CompareRequest(shift=4, limit_us=70).exposure_limit_us == 70


@given(st.integers(1, 11), st.integers(0, 2**32 - 1))
def test_each_block_of_two_boots_has_one_of_either_kernel(boots: int, seed: int) -> None:
    plan = plan_boots(boots, seed)
    assert plan == plan_boots(boots, seed)
    for block in range(boots):
        assert sorted(plan[2 * block : 2 * block + 2]) == [("a", block + 1), ("b", block + 1)]


def test_which_kernel_boots_first_depends_on_the_seed() -> None:
    firsts = {plan_boots(5, seed)[0][0] for seed in range(20)}
    assert firsts == {"a", "b"}

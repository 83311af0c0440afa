# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.duration import format_duration, time_left_s
from pumphouse.core.web.times import format_age, format_instant, format_iso

pytestmark = pytest.mark.unit

NOW = 1_789_041_821.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (-4, "now"),
        (5, "5 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (47.9 * 3600, "47 h ago"),
        (3 * 86400, "3 days ago"),
        (15 * 86400, "2026-08-26"),
        (-90, "in 1 min"),
        (-86400, "in 24 h"),
    ],
)
def test_a_time_is_told_as_an_age(seconds, words):
    assert format_age(NOW - seconds, NOW) == words


def test_the_absolute_time_has_its_zone():
    assert format_instant(NOW) == "2026-09-10 12:03:41 UTC"
    assert format_iso(NOW) == "2026-09-10T12:03:41Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.02, "0.1 s"), (3.14, "3.1 s"), (48, "48 s"), (192, "3 min 12 s"), (7500, "2 h 05 min")],
)
def test_a_duration_is_told_in_two_units(seconds, words):
    assert format_duration(seconds) == words


def test_the_time_left_comes_from_history_first_and_then_from_the_runs_own_pace():
    assert time_left_s(0.05, 10, 100) == 90
    assert time_left_s(0.05, 10, None) is None
    assert time_left_s(0.5, 10, 100) == 10

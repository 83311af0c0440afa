# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.web import rate
from pumphouse.core.web.rate import Rate, RateLimiter, TooManyError

pytestmark = pytest.mark.unit

TWO = Rate("two", 2, 10)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_is_too_often_is_refused_until_the_window_has_moved_on():
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.take(TWO, "me")
    clock.now = 4
    limiter.take(TWO, "me")
    with pytest.raises(TooManyError, match="too many tries") as caught:
        limiter.take(TWO, "me")
    assert caught.value.wait_s == 6
    assert caught.value.status_code == 429
    clock.now = 10
    limiter.take(TWO, "me")
    with pytest.raises(TooManyError):
        limiter.take(TWO, "me")


def test_addresses_and_limits_are_counted_apart():
    limiter = RateLimiter(Clock())
    for key in ("me", "you"):
        limiter.take(TWO, key)
        limiter.take(TWO, key)
    limiter.take(Rate("other", 2, 10), "me")


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(rate, "MAX_KEYS", 3)
    limiter = RateLimiter(Clock())
    for number in range(50):
        limiter.take(TWO, str(number))
    assert len(limiter._seen) == 3

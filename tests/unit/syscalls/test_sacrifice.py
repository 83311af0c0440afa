# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Children that may die: each end costs one answer."""

from __future__ import annotations

import os
import signal

import pytest

from pumphouse.syscalls import sacrifice
from pumphouse.syscalls.sacrifice import Ended, Sacrifice


def asked(ask, *, prepare=lambda: None, count=4):
    told = dict(Sacrifice(ask, prepare).run(range(count)))
    assert list(told) == list(range(count)) or sorted(told) == list(range(count))
    return {index: answer.signal if isinstance(answer, Ended) else answer for index, answer in told.items()}


def test_answers_come_back_from_the_child():
    parent = os.getpid()
    told = asked(lambda index, _: b"%d %d" % (index, os.getpid() == parent))
    assert told == {0: b"0 0", 1: b"1 0", 2: b"2 0", 3: b"3 0"}


@pytest.mark.parametrize("number", [signal.SIGSYS, signal.SIGKILL, signal.SIGSEGV])
def test_a_question_that_kills_is_asked_once_more_and_then_told_by_its_signal(number):
    def ask(index, _):
        if index == 1:
            os.kill(os.getpid(), number)
        return b"alive"

    assert asked(ask) == {0: b"alive", 1: number, 2: b"alive", 3: b"alive"}


def test_the_second_time_a_question_may_be_answered_carefully():
    def ask(index, careful):
        if index == 2 and not careful:
            os.kill(os.getpid(), signal.SIGSYS)
        return b"careful" if careful else b"alive"

    assert asked(ask) == {0: b"alive", 1: b"alive", 2: b"careful", 3: b"alive"}


def test_a_question_that_does_not_return_is_ended(monkeypatch):
    monkeypatch.setattr(sacrifice, "HUNG_S", 0.02)

    def ask(index, _):
        while index == 0:
            signal.pause()
        return b"alive"

    assert asked(ask, count=2) == {0: signal.SIGALRM, 1: b"alive"}


def test_a_preparation_that_kills_is_left_out():
    def prepare():
        os.kill(os.getpid(), signal.SIGSYS)

    assert asked(lambda index, _: b"%d" % index, prepare=prepare, count=2) == {0: b"0", 1: b"1"}


def test_a_bug_in_a_question_is_raised_in_the_caller_with_its_traceback():
    def ask(index, _):
        raise ValueError(f"a bug at {index}")

    with pytest.raises(RuntimeError, match="ValueError: a bug at 0"):
        asked(ask)


def test_no_child_is_left():
    asked(lambda *_: b"")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The gate: what was not measured as asked is an error with its reason, and never a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_boots import load_evidence, make_boot, make_evidence
from pumphouse.latency import fake
from pumphouse.latency.domain.boot import MeasureRequest
from pumphouse.latency.domain.validity import judge_boot

pytestmark = pytest.mark.unit

NAMES = [
    "finished",
    "result file",
    "kernel",
    "realtime flag",
    "priority",
    "parameters",
    "cycles",
    "overflow",
    "load",
    "clock source",
    "console",
]


@pytest.mark.parametrize("model", list(fake.MODELS))
def test_a_boot_that_measured_what_was_asked_passes_every_check(model: str) -> None:
    boot = make_boot(model)
    assert [check.name for check in boot.checks] == NAMES
    assert boot.failures == []
    assert boot.is_valid
    assert boot.histogram is not None
    assert boot.cycles == boot.histogram.total


REQUEST = make_evidence().request


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"exit_code": 127, "messages": "sh: cyclictest: not found"}, "finished: cyclictest is not in the guest"),
        ({"exit_code": 1, "messages": "Unable to set"}, "finished: cyclictest ended with exit code 1: Unable to set"),
        ({"exit_code": None}, "finished: the guest ended before cyclictest did"),
        ({"failure": "the kernel died: Oops"}, "finished: the kernel died: Oops"),
        ({"json_text": ""}, "result file: cyclictest.json: the file is empty"),
        ({"kernel": "6.1.0-other"}, "kernel: 6.1.0-stock ran, 6.1.0-other was meant to"),
        ({"expects_realtime": True}, "realtime flag: not a realtime kernel, yet it was meant to be a realtime kernel"),
        ({"thread_policy": "other", "thread_priority": 0}, "other:0 in /proc; fifo:99 was meant"),
        ({"thread_policy": "fifo", "thread_priority": 48}, "fifo:48 in /proc; fifo:99 was meant"),
        ({"load": load_evidence(rounds={})}, "load: nothing rounds, 60,000 context switches: a load that does nothing"),
        ({"load": load_evidence(rounds={"grep": 0})}, "a load that does nothing flatters"),
        ({"load": load_evidence(context_switches=0)}, "0 context switches: a load that does nothing flatters"),
        ({"load": load_evidence(died=("grep",))}, "grep was gone before the end"),
        ({"clocksource_before": "tsc-early"}, "clock source: tsc-early before, tsc after: it had not settled"),
        ({"clocksource_after": "hpet"}, "clock source: tsc before, hpet after: it had not settled"),
        ({"clocksource_before": "", "clocksource_after": ""}, "clock source: unknown before, unknown after"),
        ({"console": "[ 5.1] sched: RT throttling activated\n"}, "console: [ 5.1] sched: RT throttling activated"),
    ],
)
def test_a_boot_that_did_not_is_an_error_with_its_reason(changes: dict[str, Any], failure: str) -> None:
    boot = make_boot(**changes)
    assert not boot.is_valid
    (reason,) = boot.failures
    assert failure in reason


@pytest.mark.parametrize(
    ("field", "value", "failure"),
    [
        ("priority", 48, "priority: fifo:99 asked for on the command line"),
        ("interval_us", 500, "interval 1000 instead of 500"),
        ("duration_s", 6, "duration 5 instead of 6"),
        ("threads", 2, "threads 1 instead of 2"),
        ("histogram_width_us", 100, "histogram 5000 instead of 100"),
    ],
)
def test_a_run_with_other_parameters_than_asked_for_is_an_error(field: str, value: int, failure: str) -> None:
    asked = {name: getattr(REQUEST, name) for name in REQUEST.__struct_fields__} | {field: value}
    boot = make_boot(request=MeasureRequest(**asked))
    assert failure in boot.failures[0]


def test_a_realtime_kernel_without_the_sysfs_file_is_known_by_its_version() -> None:
    evidence = make_evidence("fake:realtime")
    unflagged = evidence.json_text.replace('"realtime": 1', '"realtime": 0')
    assert make_boot("fake:realtime", json_text=unflagged).is_valid


def test_a_run_cut_short_is_an_error_even_where_the_file_is_whole() -> None:
    few = fake.MODELS["fake:realtime"].draw(3000, seed=1)
    boot = make_boot("fake:realtime", latencies=few)
    assert boot.failures == ["cycles: 3,000 of 5,000 cycles, 0 wake-ups missed while late, 2,000 unaccounted for"]


def test_wakeups_missed_by_a_late_kernel_are_its_latency_and_no_error() -> None:
    late = fake.MODELS["fake:stock"].draw(5000, seed=1)
    late[::50] = 4321
    boot = make_boot(latencies=late)
    assert boot.is_valid
    assert boot.missed_wakeups > 300
    assert boot.cycles + boot.missed_wakeups == 5000


@pytest.mark.parametrize(("beyond", "valid"), [(1, True), (2, False)])
def test_one_latency_beyond_the_width_is_known_and_two_are_not(beyond: int, valid: bool) -> None:
    latencies = fake.MODELS["fake:stock"].draw(5000, seed=1)
    latencies[:beyond] = np.asarray([5_000, 6_500])[:beyond]
    boot = make_boot(latencies=latencies)
    assert boot.is_valid is valid
    assert valid or "the tail is not known" in boot.failures[0]


def test_a_histogram_that_differs_from_the_json_is_an_error() -> None:
    other = make_evidence(seed=2).histogram_text
    assert "in the JSON file" in make_boot(histogram_text=other).failures[0]


def test_without_a_histogram_file_the_json_alone_counts() -> None:
    assert make_boot(histogram_text="").is_valid


def test_an_idle_boot_needs_no_load() -> None:
    assert make_boot(load=load_evidence(name="idle", rounds={}, context_switches=0)).is_valid


def test_the_reasons_of_several_failures_are_all_told() -> None:
    assert len(make_boot(expects_realtime=True, clocksource_before="jiffies").failures) == 2


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_result_never_becomes_a_valid_boot_with_other_numbers(data: st.DataObject) -> None:
    evidence = make_evidence()
    text = evidence.json_text
    digits = [place for place, letter in enumerate(text) if letter.isdigit() and place > text.index('"histogram"')]
    place = data.draw(st.sampled_from(digits))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[place]]))
    boot = make_boot(json_text=text[:place] + digit + text[place + 1 :])
    if boot.is_valid:
        whole = judge_boot(evidence)
        assert boot.histogram == whole.histogram

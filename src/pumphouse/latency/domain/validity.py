# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The gate before any statistic: a boot that did not measure what was asked is an error, never a verdict.

Public CI has reported "pass" for a tool that was not installed, for a kernel that was not a realtime one, and for
cyclictest at the wrong priority. Each of these, and a load that died (which makes any latency look good), is a check
here. None asks how good the latencies are, so leaving out the boots that fail favours no side; the one that depends on
them at all, the overflow, says to measure again with a wider histogram.
"""

from __future__ import annotations

import re

from pumphouse.core.errors import UserError
from pumphouse.latency.domain.boot import Boot, BootEvidence, Check
from pumphouse.latency.domain.cyclictest import CyclictestResult, read_json, refuse_unless_same
from pumphouse.latency.domain.cyclictest_text import read_text

CYCLES_SLACK = 0.01  # share of the expected cycles that may be missing beyond those that the latencies account for
CYCLES_SLACK_LEAST = 2  # the other threads stop up to a cycle before the one that ends the run, and so may the first
OVERFLOW_ALLOWED = 1  # a single latency beyond the width is known exactly: it is the maximum
EARLY_CLOCKSOURCES = {"tsc-early", "jiffies", "refined-jiffies", ""}

# What a kernel says on its console of a measurement that was disturbed. Kernels that die are the lab's to tell.
ALARMS = re.compile(
    r"sched: RT throttling activated|Marking clocksource .* as unstable|Out of memory: Killed|page allocation failure"
)


def judge_boot(evidence: BootEvidence) -> Boot:
    """The boot with all its checks. Never raises for what is in the evidence: that is what the checks are for."""
    started = _check_started(evidence)
    if not started.passed:
        return Boot(evidence=evidence, checks=(started, check_console(evidence.console)))
    try:
        result = read_json(evidence.json_text, name="cyclictest.json")
        if evidence.histogram_text:
            width = result.options.histogram_width
            text = read_text(evidence.histogram_text, width=width, name="histogram.txt")
            refuse_unless_same(result, text.threads, where="histogram.txt")
    except UserError as error:
        unread = Check(name="result file", passed=False, seen=f"{error.text.where}: {error.text.why}")
        return Boot(evidence=evidence, checks=(started, unread, check_console(evidence.console)))
    read = Check(name="result file", passed=True, seen=f"rt-tests {result.version}, at one with itself")
    return Boot(
        evidence=evidence,
        checks=(started, read, *check_result(evidence, result)),
        histogram=result.histogram,
        release=result.release,
        version=result.version,
        cycles=result.cycles,
        expected_cycles=result.expected_cycles,
        missed_wakeups=result.missed_wakeups,
    )


def check_result(evidence: BootEvidence, result: CyclictestResult) -> tuple[Check, ...]:
    """The checks on a result that could be read: the kernel, the priority, the time, the load that were asked for."""
    return (
        _check_kernel(evidence, result),
        _check_realtime(evidence, result),
        _check_priority(evidence, result),
        _check_parameters(evidence, result),
        _check_cycles(result),
        _check_overflow(result),
        _check_load(evidence),
        _check_clocksource(evidence),
        check_console(evidence.console),
    )


def check_console(console: str) -> Check:
    """Whether the kernel complained on its console about something that ruins a measurement."""
    alarm = next((line.strip() for line in console.splitlines() if ALARMS.search(line)), None)
    return Check(name="console", passed=alarm is None, seen=alarm[:120] if alarm else "no alarm")


def _check_started(evidence: BootEvidence) -> Check:
    name, said = "finished", evidence.messages.strip().splitlines()
    why = f": {said[-1][:100]}" if said else ""
    if evidence.failure:
        return Check(name=name, passed=False, seen=evidence.failure)
    if evidence.exit_code is None:
        return Check(name=name, passed=False, seen="the guest ended before cyclictest did")
    if evidence.exit_code in (126, 127):
        return Check(
            name=name, passed=False, seen=f"cyclictest is not in the guest (exit code {evidence.exit_code}{why})"
        )
    if evidence.exit_code != 0:
        return Check(name=name, passed=False, seen=f"cyclictest ended with exit code {evidence.exit_code}{why}")
    return Check(name=name, passed=True, seen="cyclictest ended by itself, exit code 0")


def _check_kernel(evidence: BootEvidence, result: CyclictestResult) -> Check:
    seen = f"{result.release} ran"
    passed = result.release == evidence.kernel
    return Check(name="kernel", passed=passed, seen=seen if passed else f"{seen}, {evidence.kernel} was meant to")


def _check_realtime(evidence: BootEvidence, result: CyclictestResult) -> Check:
    """By /sys/kernel/realtime, which the RT patches bring, or the version string, for kernels that lack the file."""
    is_realtime = result.realtime or "PREEMPT_RT" in result.kernel_version
    kind = {True: "a realtime kernel", False: "not a realtime kernel"}
    passed = is_realtime == evidence.expects_realtime
    meant = "" if passed else f", yet it was meant to be {kind[evidence.expects_realtime]}"
    return Check(name="realtime flag", passed=passed, seen=f"{kind[is_realtime]}{meant}")


def _check_priority(evidence: BootEvidence, result: CyclictestResult) -> Check:
    wanted = ("fifo", evidence.request.priority)
    asked = (result.options.policy, result.options.priority)
    seen = f"{asked[0]}:{asked[1]} asked for on the command line"
    passed = asked == wanted
    if evidence.thread_policy or evidence.thread_priority is not None:
        running = (evidence.thread_policy, evidence.thread_priority)
        seen = f"{seen}, {running[0]}:{running[1]} in /proc"
        passed = passed and running == wanted
    return Check(name="priority", passed=passed, seen=seen if passed else f"{seen}; {wanted[0]}:{wanted[1]} was meant")


def _check_parameters(evidence: BootEvidence, result: CyclictestResult) -> Check:
    wanted, given = evidence.request, result.options
    pairs = [
        ("interval", wanted.interval_us, given.interval_us),
        ("duration", wanted.duration_s, given.duration_s),
        ("threads", wanted.threads, len(result.threads)),
        ("histogram", wanted.histogram_width_us, given.histogram_width),
        ("loops", None, given.loops),
        ("break value", None, given.break_us),
        ("nanoseconds", False, given.nanoseconds),
        ("relative timers", False, given.relative),
    ]
    wrong = [f"{name} {seen} instead of {meant}" for name, meant, seen in pairs if seen != meant]
    asked = f"{given.interval_us} us interval, {given.duration_s} s, {len(result.threads)} thread"
    return Check(name="parameters", passed=not wrong, seen="; ".join(wrong) or asked)


def _check_cycles(result: CyclictestResult) -> Check:
    """Cycles that a late kernel missed are its latency; cycles that nothing accounts for were never measured."""
    expected, missed = result.expected_cycles, result.missed_wakeups
    if expected is None or result.return_code != 0:
        return Check(
            name="cycles", passed=False, seen=f"the run had no end asked for, or failed ({result.return_code})"
        )
    seen = f"{result.cycles:,} of {expected:,} cycles, {missed:,} wake-ups missed while late"
    unexplained = expected - result.cycles - missed
    slack = max(CYCLES_SLACK_LEAST * len(result.threads), CYCLES_SLACK * expected)
    if abs(unexplained) <= slack:
        return Check(name="cycles", passed=True, seen=seen)
    direction = f"{unexplained:,} unaccounted for" if unexplained > 0 else f"{-unexplained:,} too many"
    return Check(name="cycles", passed=False, seen=f"{seen}, {direction}")


def _check_overflow(result: CyclictestResult) -> Check:
    overflow, width = result.histogram.overflow, result.options.histogram_width
    seen = f"{overflow} of {result.cycles:,} latencies beyond the histogram's width of {width} us"
    passed = overflow <= OVERFLOW_ALLOWED
    return Check(name="overflow", passed=passed, seen=seen if passed else f"{seen}: the tail is not known")


def _check_load(evidence: BootEvidence) -> Check:
    load = evidence.load
    if load.name == "idle":
        return Check(name="load", passed=True, seen="none asked for")
    rounds = ", ".join(f"{name} {count:,}" for name, count in load.rounds.items()) or "nothing"
    seen = f"{rounds} rounds, {load.context_switches:,} context switches"
    if load.total_rounds == 0 or load.context_switches == 0:
        return Check(name="load", passed=False, seen=f"{seen}: a load that does nothing flatters")
    if load.died:
        return Check(name="load", passed=False, seen=f"{seen}; {', '.join(load.died)} was gone before the end")
    return Check(name="load", passed=True, seen=seen)


def _check_clocksource(evidence: BootEvidence) -> Check:
    before, after = evidence.clocksource_before, evidence.clocksource_after
    seen = f"{before or 'unknown'} before, {after or 'unknown'} after"
    if before in EARLY_CLOCKSOURCES or before != after:
        return Check(name="clock source", passed=False, seen=f"{seen}: it had not settled")
    return Check(name="clock source", passed=True, seen=before)

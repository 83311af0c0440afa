# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a probe costs: cold, cached, and as the C program, beside the floor of as many bare system calls.

The floor makes the number of system calls that the plans make, each a failing openat2 through ctypes, in this process:
no child, no recipe, no report.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import statistics
import subprocess
import time

import pytest

from pumphouse.syscalls import report_cache
from pumphouse.syscalls.domain.probe.engine import run_plan
from pumphouse.syscalls.header import make_header
from pumphouse.syscalls.kernel import RunningKernel
from pumphouse.syscalls.probe import probe, probe_plans
from pumphouse.syscalls.recipes import read_recipes
from pumphouse.syscalls.sacrifice import Sacrifice

pytestmark = pytest.mark.bench

ROUNDS = 15
OPENAT2 = 437


def count_trials():
    """How many system calls the plans make, counted in a child that may die of them."""
    kernel = RunningKernel()
    plans = list(read_recipes().values())
    made = [0]
    call = kernel.call

    def counting(number, arguments):
        made[0] += 1
        return call(number, arguments)

    kernel.call = counting

    def ask(index, careful):
        for plan in plans:
            run_plan(plan, kernel, presence_only=careful)
        return json.dumps(made[0]).encode()

    answers = dict(Sacrifice(ask, lambda: None).run([0]))
    return int(answers[0])


def bare(count):
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.argtypes = [ctypes.c_long] + [ctypes.c_ulong] * 6
    for _ in range(count):
        syscall(OPENAT2, 0x7FFFFFF0, 1, 0, 0, 0, 0)


def measure(work, rounds=ROUNDS):
    """Milliseconds of each round."""
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1e3)
    return took


def spread(took):
    return f"{statistics.median(took):.3g} ms ({min(took):.3g} to {max(took):.3g})"


def cold():
    """Everything that a first probe does after the imports: read the recipes, and ask."""
    read_recipes.cache_clear()
    probe(cache=False)


def test_a_probe_beside_its_floor(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    plans = list(read_recipes().values())
    trials = count_trials()
    told = {"floor": [], "cold": [], "asking": [], "cached": [], "program": []}
    report_cache.keep(probe(cache=False))
    program = tmp_path / "probe"
    if shutil.which("gcc"):
        (tmp_path / "probe.h").write_text(make_header())
        options = ["-O2", "-static", "-DPUMPHOUSE_PROBE_MAIN", "-x", "c"]
        subprocess.run(["gcc", *options, tmp_path / "probe.h", "-o", program], check=True)
    for _ in range(ROUNDS):  # in turn, so that other work on the machine meets all alike
        told["floor"] += measure(lambda: bare(trials), 1)
        told["cold"] += measure(cold, 1)
        told["asking"] += measure(lambda: probe_plans(plans), 1)
        told["cached"] += measure(probe, 5)
        if program.exists():
            said = subprocess.run([program], capture_output=True, check=True)
            told["program"].append(json.loads(said.stdout)["elapsed_ms"])
    report = probe()
    assert report.cached
    print(f"\n{report.answered_words} flag words of {len(report.calls)} calls, {trials} system calls, {ROUNDS} rounds")
    floor = statistics.median(told["floor"])
    for name, took in told.items():
        if took:
            print(f"  {name:<8} {spread(took):<36} {statistics.median(took) / floor:.3g} of the floor")

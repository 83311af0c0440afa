# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How often the rule says "worse" or "better": of kernels that did not change, and of planted changes.

The boots are real: 22 of Debian's stock kernel and 22 of its realtime one, under stress at icount shift=4. Each trial
deals 5 + 5 of one kernel's boots at random and changes those of B. `make bench` prints the table.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pumphouse.core.histogram import Histogram, build_histogram
from pumphouse.latency.domain.compare import ALPHA, compare_statistics, find_verdict

pytestmark = pytest.mark.bench

DATA = Path(__file__).parents[2] / "data" / "latency"
TRIALS = 1000
WIDTH = 100_000
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def load(name: str) -> list[np.ndarray]:
    """The latencies of each boot."""
    boots = json.loads((DATA / f"boots_{name}_shift_4.json").read_text())["boots"]
    return [np.repeat(boot["latencies_us"], boot["counts"]) for boot in boots]


def collect(latencies: np.ndarray) -> Histogram:
    values, counts = np.unique(latencies.astype(np.int64), return_counts=True)
    return build_histogram((values, counts), width=WIDTH, overflow=0, maximum=int(values[-1]))


def add_to(share: float, latency_us: float) -> Change:
    def change(latencies: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return latencies + (random.random(latencies.size) < share) * latency_us

    return change


def scale(factor: float) -> Change:
    return lambda latencies, _random: latencies * factor


CHANGES: dict[str, Change] = {
    "nothing": scale(1.0),
    "+10 % everywhere": scale(1.10),
    "+15 % everywhere": scale(1.15),
    "+50 % everywhere": scale(1.50),
    "1 in 200 cycles +100 us": add_to(0.005, 100),
    "1 in 200 cycles +1000 us": add_to(0.005, 1000),
    "1 in 1000 cycles +1000 us": add_to(0.001, 1000),
}


def count_verdicts(kernel: str, change: Change, *, each: int, trials: int) -> Counter[str]:
    random = np.random.default_rng(1)
    boots = load(kernel)
    plain = [collect(boot) for boot in boots]
    changed = [collect(change(boot, random)) for boot in boots]
    verdicts: Counter[str] = Counter()
    for _ in range(trials):
        dealt = random.permutation(len(boots))[: 2 * each]
        a, b = [plain[i] for i in dealt[:each]], [changed[i] for i in dealt[each:]]
        verdicts[find_verdict(compare_statistics(a, b))] += 1
    return verdicts


@pytest.mark.parametrize("each", [5, 8])
@pytest.mark.parametrize("kernel", ["stock", "realtime"])
def test_false_alarms_stay_below_alpha_and_changes_are_found(kernel: str, each: int) -> None:
    trials = TRIALS if each == 5 else TRIALS // 10
    print(f"\n{kernel}, {each} + {each} boots, {trials} trials")
    print(f"  {'change of B':<28}{'worse':>8}{'better':>8}{'mixed':>8}{'none':>8}{'undecided':>11}")
    found: dict[str, Counter[str]] = {}
    for name, change in CHANGES.items():
        verdicts = found[name] = count_verdicts(kernel, change, each=each, trials=trials)
        words = ("worse", "better", "mixed", "no difference shown", "undecided")
        shares = [verdicts[word] / trials for word in words]
        print(f"  {name:<28}" + "".join(f"{share:>8.3f}" for share in shares[:4]) + f"{shares[4]:>11.3f}")
    most = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)
    for word in ("worse", "better"):
        assert (found["nothing"][word] + found["nothing"]["mixed"]) / trials <= most
    assert found["+50 % everywhere"]["worse"] / trials > 0.95


def test_the_two_kernels_are_told_apart_every_time() -> None:
    random = np.random.default_rng(2)
    a, b = ([collect(boot) for boot in load(name)] for name in ("stock", "realtime"))
    verdicts = Counter(
        find_verdict(
            compare_statistics([a[i] for i in random.permutation(22)[:5]], [b[i] for i in random.permutation(22)[:5]])
        )
        for _ in range(TRIALS)
    )
    print(f"\nrealtime against stock, 5 + 5 boots, {TRIALS} trials: {dict(verdicts)}")
    assert verdicts["better"] == TRIALS

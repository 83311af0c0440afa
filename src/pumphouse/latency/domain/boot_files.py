# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a boot left besides cyclictest's own files: how its threads ran, what the load did, which clock it had.

The formats are those of pumphouse.lab.measure. A line that is not understood is left out here; what then is missing
fails the check that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pumphouse.latency.domain.boot import LoadEvidence

POLICIES = {"0": "other", "1": "fifo", "2": "rr", "3": "batch", "5": "idle", "6": "deadline"}  # sched(7), sched.h


def read_threads(text: str) -> tuple[str, int | None]:
    """Policy and priority of the measuring threads, from lines "TID PRIORITY POLICY"; ("", None) where none is there.

    The first thread is cyclictest's own main one, which is SCHED_OTHER and does not measure. Where the others differ,
    the one of the lowest priority is told.
    """
    rows = [line.split() for line in text.splitlines()]
    threads = sorted(
        (int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3 and all(word.isdecimal() for word in row)
    )
    if len(threads) < 2:
        return "", None
    _, priority, policy = min(threads[1:], key=lambda thread: thread[1])
    return POLICIES.get(policy, f"policy {policy}"), priority


def read_load(name: str, text: str) -> LoadEvidence:
    """What the load did between its records "before" and "after"."""
    sections: dict[str, dict[str, int]] = {}
    alive: set[str] = set()
    current: dict[str, int] = {}
    for line in text.splitlines():
        match line.split():
            case ["before" | "after" as section]:
                current = sections.setdefault(section, {})
                alive = set()
            case ["rounds", loop, count] if count.isdecimal():
                current[f"rounds {loop}"] = int(count)
            case ["alive", loop]:
                alive.add(loop)
            case [counter, count] if count.isdecimal():
                current[counter] = int(count)
    before, after = sections.get("before", {}), sections.get("after", {})
    gained = {key: count - before[key] for key, count in after.items() if key in before}
    rounds = {key.removeprefix("rounds "): count for key, count in gained.items() if key.startswith("rounds ")}
    return LoadEvidence(
        name=name,
        rounds=rounds,
        died=tuple(loop for loop in rounds if loop not in alive),
        context_switches=gained.get("ctxt", 0),
        interrupts=gained.get("intr", 0),
    )


def read_clocks(text: str) -> tuple[str, str]:
    """The clock sources before and after, from lines "before NAME" and "after NAME"."""
    named: Mapping[str, str] = dict(line.split(maxsplit=1) for line in text.splitlines() if len(line.split()) == 2)
    return named.get("before", ""), named.get("after", "")


def read_status(text: str) -> tuple[int | None, str]:
    """The exit code of cyclictest, from the line "exit N", and what it said."""
    first, _, said = text.partition("\n")
    words = first.split()
    code = int(words[1]) if len(words) == 2 and words[0] == "exit" and words[1].isdecimal() else None
    return code, said.strip()

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a guest runs for a workload, as shell, and what its phases came to, read back.

Files that come back:

    steps.txt    set-up and warm-up with their exit status: "set-up 0"
    marks.txt    a line for each run of a phase, by native/pgo/guest/mark.c: "NUMBER STATUS NANOSECONDS"
    done.txt     the exit status of each phase's `done`: "NUMBER STATUS"
    said-X.txt   the end of what a step or phase printed, where it failed
    export.txt   of a training: how many counter files there are, and size and SHA-256 of their archive
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pumphouse.core.errors import InfraError
from pumphouse.pgo.domain.workload import Phase, Workload

WRITE_COUNTS = 255  # the mark at which the plugin writes its file
FOLDER = "/workload"

SETTLE_US = 50_000  # of virtual time, for which nobody waits: what went before is done when the next is marked
SPREAD_US = 4001  # by which seeds shift a phase: a little more than a tick of the slowest usual kernel clock, 250 Hz

# `await COMMAND` tries until it succeeds: a server has started when it answers.
AWAIT = """\
#!/bin/sh
tries=0
until "$@" > /tmp/await 2>&1; do
    tries=$((tries + 1))
    if [ $tries -ge 500 ]; then
        echo "await: $* did not succeed: $(tail -n 1 /tmp/await)"
        exit 1
    fi
    usleep 20000
done
"""

_BEGIN = """\
ifconfig lo up
mkdir -p /work
mount -t tmpfs tmpfs /work
cd /work
export MARK_LOG=/results/marks.txt
tell() { [ $2 = 0 ] || tail -c 2000 $3 > /results/said-$1.txt; }
step() {
    sh -e /workload/$1 > /tmp/$1 2>&1
    status=$?
    echo "$1 $status" >> /results/steps.txt
    tell $1 $status /tmp/$1
    return $status
}
phase() {
    export OUT=/tmp/out-$1
    : > $OUT
    left=$2
    while [ $left -gt 0 ]; do
        /bin/mark $1 sh -e /workload/phase-$1 >> $OUT 2>&1
        status=$?
        [ $status = 0 ] || break
        left=$((left - 1))
    done
    usleep 50000
    sh -e /workload/done-$1 > /tmp/done 2>&1
    is_done=$?
    echo "$1 $is_done" >> /results/done.txt
    tell $1 $((status + is_done)) $OUT
}
"""


class PhaseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a phase was done, and if not, why in words and what it last said."""

    name: str
    trained: bool
    done: bool
    guest_ns: int = 0
    why: str = ""
    said: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What one boot did of a workload. `failed_step` is set-up or warm-up where that failed; no phase ran then."""

    phases: tuple[PhaseOutcome, ...]
    failed_step: str = ""
    said: str = ""

    @property
    def is_done(self) -> bool:
        """Whether everything was."""
        return not self.failed_step and all(phase.done for phase in self.phases)


def script_files(workload: Workload) -> dict[str, str]:
    """The scripts of a workload's steps and phases, by their path in the guest. Phases are numbered from 1."""
    files = {f"{FOLDER}/set-up": workload.set_up, f"{FOLDER}/warm-up": workload.warm_up}
    for number, phase in enumerate(workload.phases, 1):
        files[f"{FOLDER}/phase-{number}"] = phase.command
        files[f"{FOLDER}/done-{number}"] = phase.done
    return {path: text.strip("\n") + "\n" for path, text in files.items()}


def write_measuring(workload: Workload, *, seed: int = 0) -> str:
    """The job that runs every phase, marked, and has the counts written.

    A seed other than 0 shifts when each phase begins within a tick of the clock: what is executed then differs as much
    as timing alone makes it differ, which no boot that repeats exactly can show.
    """
    phases = []
    for number, phase in enumerate(workload.phases, 1):
        settle_us = SETTLE_US + (seed * 7919 + (seed > 0) * number * 1009) % SPREAD_US
        phases.append(f'mark say "phase {phase.name}"\nusleep {settle_us}\nphase {number} {phase.repeat}')
    return "\n".join([_BEGIN + "step set-up && step warm-up && {", *phases, "}", f"/bin/mark {WRITE_COUNTS}", _END])


def write_training(workload: Workload) -> str:
    """The job that runs the trained phases of an instrumented kernel, and sends its counters to the second port."""
    phases = [f"phase {number} {phase.repeat}" for number, phase in enumerate(workload.phases, 1) if phase.trained]
    # Nothing is printed in between: the console's driver would be in the profile.
    return "\n".join(
        [
            _BEGIN + "mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null",
            "[ -w /sys/kernel/debug/gcov/reset ] || echo missing > /results/export.txt",
            "[ ! -e /results/export.txt ] && step set-up && step warm-up && {",
            f"usleep {SETTLE_US}\necho 0 > /sys/kernel/debug/gcov/reset",
            *phases,
            "}",
            "if [ ! -e /results/export.txt ]; then",
            "    files=$(gcda /sys/kernel/debug/gcov /tmp/gcda) 2> /tmp/gcda-error || mark say $(cat /tmp/gcda-error)",
            "    tar -C /tmp/gcda -cz -f /tmp/gcda.tar.gz .",
            "    stty -F /dev/ttyS1 raw -echo",
            "    cat /tmp/gcda.tar.gz > /dev/ttyS1",
            "    sum=$(sha256sum < /tmp/gcda.tar.gz | cut -d' ' -f1)",
            '    echo "$files $(wc -c < /tmp/gcda.tar.gz) $sum" > /results/export.txt',
            "fi",
            _END,
        ]
    )


_END = "cd /results\ntrue\n"


def read_trial(workload: Workload, files: Mapping[str, bytes], *, only_trained: bool = False) -> Trial:
    """What the files of a boot tell of each phase. Never fails: what is missing was not done."""
    texts = {name: content.decode(errors="replace") for name, content in files.items()}
    steps = dict(_words(texts.get("steps.txt", ""), 2))
    failed = next((step for step in ("set-up", "warm-up") if steps.get(step) != "0"), "")
    marks = [words for words in _words(texts.get("marks.txt", ""), 3) if all(word.isdigit() for word in words)]
    checks = dict(_words(texts.get("done.txt", ""), 2))
    outcomes = []
    for number, phase in enumerate(workload.phases, 1):
        if only_trained and not phase.trained:
            continue
        runs = [(int(status), int(lasted)) for which, status, lasted in marks if int(which) == number]
        why = _why_not(phase, [status for status, _ in runs], checks.get(str(number), ""), failed)
        outcome = PhaseOutcome(
            name=phase.name,
            trained=phase.trained,
            done=not why,
            guest_ns=sum(lasted for _, lasted in runs),
            why=why,
            said=texts.get(f"said-{number}.txt", "") if why else "",
        )
        outcomes.append(outcome)
    return Trial(phases=tuple(outcomes), failed_step=failed, said=texts.get(f"said-{failed}.txt", "") if failed else "")


def read_export(text: str) -> tuple[int, int, str]:
    """How many counter files a training sent, and size and SHA-256 of the archive. Raises InfraError."""
    words = text.split()
    if words == ["missing"]:
        raise InfraError(
            "this kernel has no counters to export",
            where="/sys/kernel/debug/gcov/reset",
            why="it was built without CONFIG_GCOV_KERNEL, or without CONFIG_DEBUG_FS",
            next_step="build it with the fragment gcov: src:TREE?config=guest&config=pgo&config=gcov",
        )
    if len(words) != 3 or not words[0].isdigit() or not words[1].isdigit():
        raise InfraError(
            "the guest exported no counters", where="export.txt", why=text.strip()[:200] or "it is empty or not there"
        )
    return int(words[0]), int(words[1]), words[2]


def _words(text: str, count: int) -> list[list[str]]:
    return [words for line in text.splitlines() if len(words := line.split()) == count]


def _why_not(phase: Phase, statuses: list[int], check: str, failed_step: str) -> str:
    """Why a phase was not done, or nothing."""
    if failed_step:
        return f"{failed_step} failed before it"
    if bad := [status for status in statuses if status]:
        return f"its command ended with status {bad[0]}"
    if len(statuses) != phase.repeat:
        return f"its command ran {len(statuses)} of {phase.repeat} times"
    if check != "0":
        return f"what counts as done does not hold (status {check or 'unknown'}): {phase.done}"
    return ""

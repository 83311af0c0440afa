# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The result of a tuning (`--json`, the run's result, the page): what was built, what it gained, how that is known."""

from __future__ import annotations

import msgspec

from pumphouse.pgo.domain.compare import Change, Comparison, Noise, Phase
from pumphouse.pgo.domain.symbols import FunctionSize
from pumphouse.pgo.domain.usage import ProfileUse

FUNCTIONS_KEPT = 40


class KernelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One of the kernels: its release, image and hash, where it lies."""

    release: str
    image: str
    sha256: str
    image_bytes: int
    text_bytes: int


class ProfileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The profile: its files and counters, and how much of the kernel training reached."""

    objects: int
    functions: int
    functions_executed: int
    counters: int
    counters_nonzero: int
    left_out: list[str] = []  # files that are damaged, each with the reason


class TextRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the profile did to the text: sizes in bytes, functions split, grown, shrunk; the largest changes."""

    text_before: int
    text_after: int
    split_before: int
    split_after: int
    grew: int
    shrank: int
    gone: int
    new: int
    functions: list[FunctionSize]


class TuneResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told of a tuning. `phases` begin with what got worse."""

    answer: str
    verdict: str  # better, worse, mixed, not shown
    source: str
    config: str
    workload: str
    board: str
    compiler: str
    options: list[str]
    base: KernelRecord
    tuned: KernelRecord
    profile: ProfileRecord
    use: ProfileUse
    phases: list[Phase]
    total: Change
    control: Change
    boots_base: int
    boots_rebuilt: int
    boots_tuned: int
    rebuilt_is_identical: bool
    text: TextRecord
    commands: list[str]


def judge(comparison: Comparison) -> str:
    """The verdict on kernel instructions: of the trained phases, and of whether any phase lost for it."""
    shown = [phase for phase in comparison.phases if phase.shown and phase.kernel_instructions is not None]
    better = any((phase.kernel_instructions or 0) < 0 for phase in shown if phase.trained)
    worse = any((phase.kernel_instructions or 0) > 0 for phase in shown)
    if better and worse:
        return "mixed"
    if better:
        return "better"
    return "worse" if worse else "not shown"


def write_answer(comparison: Comparison, *, release: str, workload: str) -> str:
    """The sentence that answers: the largest trained phase first, then what it cost elsewhere."""
    trained = [phase for phase in comparison.phases if phase.trained]
    main = max(trained, key=lambda phase: phase.base.kernel_instructions, default=None)
    control = write_change(comparison.control.kernel_instructions)
    if main is None:
        return f"{release} was not trained in any phase of {workload}"
    if not main.shown:
        return (
            f"a gain of {release} tuned to {workload} is not shown: {write_change(main.kernel_instructions)} kernel "
            f"instructions in {main.name}, inside the noise of {main.noise.kernel_instructions:.2f} %"
        )
    word = "fewer" if (main.kernel_instructions or 0) < 0 else "more"
    lost = [phase for phase in comparison.phases if phase.shown and (phase.kernel_instructions or 0) > 0]
    cost = f"; {lost[0].name} got worse by {lost[0].kernel_instructions:.1f} %" if lost else "; no phase got worse"
    return (
        f"{release} tuned to {workload} needs {abs(main.kernel_instructions or 0):.1f} % {word} kernel instructions in "
        f"{main.name}, {write_change(main.taken_branches)} taken branches, {write_change(main.l1i_misses)} "
        f"instruction-cache misses of a model; A/A {control}{cost}"
    )


def write_change(value: float | None) -> str:
    """A change in per cent with its sign, or a dash."""
    return "-" if value is None else f"{value:+.1f} %" if abs(value) >= 0.05 else "0.0 %"


__all__ = ["Change", "KernelRecord", "Noise", "Phase", "ProfileRecord", "TextRecord", "TuneResult"]

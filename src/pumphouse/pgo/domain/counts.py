# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a kernel executed for a workload, per phase: the counts of the QEMU plugin (native/pgo/counts.c), read strictly.

Instructions and taken branches are counted; instruction-cache misses come from a model of a cache. Neither is time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from pumphouse.core.errors import InfraError

COUNTS_VERSION = 1
Quantity = Literal["kernel_instructions", "taken_branches", "l1i_misses"]
QUANTITIES: tuple[Quantity, ...] = ("kernel_instructions", "taken_branches", "l1i_misses")


class SideCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel, or user space, executed. `string_rounds` are further rounds of repeated string instructions."""

    instructions: int
    taken_branches: int
    l1i_misses: int  # modelled
    string_rounds: int = 0


class RawPhase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phase as the plugin writes it."""

    number: int
    entries: int
    kernel: SideCounts
    user: SideCounts


class RawCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plugin's file. Phase 0 is what was executed outside of every phase."""

    version: int
    l1i_model: str
    phases: tuple[RawPhase, ...]


class PhaseCount(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a workload in one boot."""

    name: str
    trained: bool
    kernel: SideCounts
    user: SideCounts
    guest_ns: int  # on the guest's clock, which under icount shift=0 counts instructions

    def quantity(self, name: Quantity) -> int:
        """One of QUANTITIES: all three are the kernel's."""
        return self.kernel.instructions if name == "kernel_instructions" else int(getattr(self.kernel, name))


class PhaseCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A workload's phases in one boot of one kernel, and what it was run with."""

    workload: str
    workload_sha256: str  # of what the guest was given: its script, programs and files
    kernel: str  # its release
    kernel_source: str
    kernel_sha256: str
    l1i_model: str
    phases: tuple[PhaseCount, ...]
    seed: int = 0  # 0 for phases that begin as written; others shift them by parts of a clock tick
    packages: dict[str, str] = {}  # the Debian packages whose programs ran -> version
    command: str = ""  # boots the same by hand
    wall_s: float = 0.0

    def phase(self, name: str) -> PhaseCount:
        """The phase of a name. Raises KeyError."""
        return {phase.name: phase for phase in self.phases}[name]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How much more (positive) the second boot executed in a phase than the first, in per cent."""

    name: str
    trained: bool
    kernel_instructions: float
    taken_branches: float
    l1i_misses: float


def read_counts(data: bytes, *, where: str = "counts.json") -> RawCounts:
    """The plugin's file. Raises InfraError where it is cut off, of another version, or impossible."""
    try:
        counts = msgspec.json.decode(data, type=RawCounts)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InfraError(
            "the plugin's counts cannot be read",
            where=where,
            why=str(error),
            next_step="it is what QEMU leaves when it ends well; boot again",
        ) from error
    numbers = [phase.number for phase in counts.phases]
    sides = [side for phase in counts.phases for side in (phase.kernel, phase.user)]
    if counts.version != COUNTS_VERSION:
        why = f"it has version {counts.version}, this reads {COUNTS_VERSION}"
    elif len(set(numbers)) != len(numbers) or any(not 0 <= number < 255 for number in numbers):
        why = f"its phases are numbered {numbers}"
    elif any(min(getattr(side, name) for name in SideCounts.__struct_fields__) < 0 for side in sides):
        why = "a count is negative"
    else:
        return counts
    raise InfraError("the plugin's counts are not what this Pumphouse reads", where=where, why=why)


def change_percent(before: int, after: int) -> float:
    """How much larger `after` is than `before`, in per cent; 0 where both are 0, infinite where only `before` is."""
    if before == 0:
        return 0.0 if after == 0 else float("inf")
    return 100.0 * (after - before) / before


def compare_counts(before: PhaseCounts, after: PhaseCounts) -> tuple[Difference, ...]:
    """The change in each phase, in the first one's order. Raises ValueError where the phases are not the same."""
    if [phase.name for phase in before.phases] != [phase.name for phase in after.phases]:
        raise ValueError("two boots with different phases cannot be compared")
    return tuple(
        Difference(
            name=a.name,
            trained=a.trained,
            **{name: change_percent(a.quantity(name), b.quantity(name)) for name in QUANTITIES},
        )
        for a, b in zip(before.phases, after.phases, strict=True)
    )


def largest_difference(differences: Sequence[Difference], quantity: Quantity) -> float:
    """The largest change of a quantity in any phase, in per cent, without its sign; 0 of nothing."""
    return max((abs(float(getattr(difference, quantity))) for difference in differences), default=0.0)


def spread_percent(boots: Sequence[PhaseCounts], quantity: Quantity) -> dict[str, float]:
    """By phase, how far boots of one kernel with different seeds lie apart: largest less smallest, in per cent of that.

    Raises ValueError for no boots, or boots with different phases.
    """
    if not boots or any([p.name for p in boot.phases] != [p.name for p in boots[0].phases] for boot in boots):
        raise ValueError("a spread needs boots with the same phases")
    values = {phase.name: [boot.phase(phase.name).quantity(quantity) for boot in boots] for phase in boots[0].phases}
    return {name: change_percent(min(several), max(several)) for name, several in values.items()}


class Heat(msgspec.Struct, frozen=True):
    """How often a piece of kernel code was entered within a workload's phases."""

    address: int
    size: int  # bytes
    instructions: int
    entries: int


def read_heat(data: bytes, *, where: str = "heat") -> list[Heat]:
    """The plugin's heat table, by address. Pieces overlap: QEMU cuts the same code in several ways.

    Raises InfraError for a line that is not one.
    """
    heat = []
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split()
        try:
            address, size, instructions, entries = int(words[0], 16), *map(int, words[1:])
            heat.append(Heat(address, size, instructions, entries))
        except (ValueError, IndexError, TypeError) as error:
            raise InfraError(
                "the plugin's heat table is damaged", where=f"{where}:{number}", why=repr(line[:80])
            ) from error
    return heat

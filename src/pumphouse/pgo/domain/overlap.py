# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How alike two profiles are, and which functions make the difference."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pumphouse.pgo.domain.gcda import FunctionCounts
from pumphouse.pgo.domain.names import FunctionName, Names
from pumphouse.pgo.domain.profile import Profile, refuse_other_compilers, walk


class FunctionOverlap(msgspec.Struct, frozen=True, kw_only=True):
    """One function in two profiles: its share of all counts in each, and what both have in common (each 0 to 1)."""

    object: str
    ident: int
    name: str
    source: str
    share_a: float
    share_b: float
    overlap: float

    @property
    def change(self) -> float:
        """What the function gained from A to B, in shares of all counts."""
        return self.share_b - self.share_a


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """`total` is 1 where the counts are proportional everywhere, 0 where nothing ran in both."""

    total: float
    functions: list[FunctionOverlap]


def measure_overlap(a: Profile, b: Profile, names: Names | None = None) -> Overlap:
    """The sum of the smaller of both normalised counters of each arc, in all and for each function that ran.

    A function whose control flow differs in the two has nothing in common. Raises UserError for profiles of different
    compilers.
    """
    refuse_other_compilers([a, b])
    mine, theirs = _by_function(a), _by_function(b)
    sums = tuple(sum(sum(one.arcs) for one in side.values()) or 1 for side in (mine, theirs))
    functions = [
        _compare(place, (mine.get(place), theirs.get(place)), sums, names or {}) for place in {**mine, **theirs}
    ]
    functions.sort(key=lambda one: (-max(one.share_a, one.share_b), one.object, one.ident))
    return Overlap(total=min(1.0, sum(one.overlap for one in functions)), functions=functions)


def list_changes(overlap: Overlap, *, limit: int = 20) -> list[FunctionOverlap]:
    """The functions whose share changed most, in either direction."""
    changed = [one for one in overlap.functions if one.change]
    return sorted(changed, key=lambda one: (-abs(one.change), one.object, one.ident))[:limit]


_Place = tuple[str, int]


def _by_function(profile: Profile) -> dict[_Place, FunctionCounts]:
    return {(name, one.ident): one for name, one in walk(profile) if any(one.arcs)}


def _compare(
    place: _Place, found: tuple[FunctionCounts | None, FunctionCounts | None], sums: Sequence[int], names: Names
) -> FunctionOverlap:
    a, b = found
    told = names.get(place[0], {}).get(place[1], FunctionName(place[1], "", "", 0, in_tree=False))
    common = 0.0
    if a is not None and b is not None and a.key == b.key:
        common = sum(min(x / sums[0], y / sums[1]) for x, y in zip(a.arcs, b.arcs, strict=True))
    return FunctionOverlap(
        object=place[0],
        ident=place[1],
        name=told.name,
        source=told.source,
        share_a=sum(a.arcs) / sums[0] if a else 0.0,
        share_b=sum(b.arcs) / sums[1] if b else 0.0,
        overlap=common,
    )

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Counters of kinds other than arcs: what -fprofile-values records, scaled and merged as libgcc's libgcov-merge.c does.

topn and indirect_call hold for each site a total (negative: values were lost), a number, and so many pairs of a value
and its count. interval, pow2 and average are sums, ior is an OR, time_profiler the earliest time that is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import COUNT_MAX, Counters

TOPN, INDIRECT, IOR, TIME = 3, 4, 6, 7
_TRACKED_MAX = 32  # GCOV_TOPN_MAXIMUM_TRACKED_VALUES


class _Site:
    def __init__(self, total: int, counts: dict[int, int]) -> None:
        self.total = total
        self.counts = counts


def scale_values(counters: Counters, times: Callable[[int], int]) -> Counters:
    """The counters with every count (and no value) put through `times`."""
    if counters.packed or counters.kind in {IOR, TIME}:
        return counters
    if counters.kind in {TOPN, INDIRECT}:
        sites = list(_read_sites(counters))
        for site in sites:
            site.total = times(site.total) if site.total >= 0 else -times(-site.total)
            site.counts = {value: times(count) for value, count in site.counts.items()}
        return _write_sites(counters.kind, sites)
    return Counters(counters.kind, tuple(map(times, counters.values)))


def merge_values(one: Counters, other: Counters) -> Counters:
    """Two functions' counters of one kind as one. Raises UserError where they are of different sites."""
    if one.kind in {TOPN, INDIRECT}:
        return _merge_sites(one, other)
    if len(one.values) != len(other.values):
        raise _different_sites()
    pairs = zip(one.values, other.values, strict=True)
    if one.kind == IOR:
        values = tuple(a | b for a, b in pairs)
    elif one.kind == TIME:
        values = tuple(min(a, b) if a and b else a or b for a, b in pairs)
    else:
        values = tuple(min(COUNT_MAX, a + b) for a, b in pairs)
    return Counters(one.kind, values, packed=one.packed and other.packed)


def _merge_sites(one: Counters, other: Counters) -> Counters:
    mine, theirs = list(_read_sites(one)), list(_read_sites(other))
    if len(mine) != len(theirs):
        raise _different_sites()
    for site, added in zip(mine, theirs, strict=True):
        lost = site.total < 0 or added.total < 0
        total = min(COUNT_MAX, abs(site.total) + abs(added.total))
        for value, count in added.counts.items():
            site.counts[value] = min(COUNT_MAX, site.counts.get(value, 0) + count)
        kept = sorted(site.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        site.counts = dict(kept[:_TRACKED_MAX])
        site.total = -total if lost or len(kept) > _TRACKED_MAX else total
    return _write_sites(one.kind, mine)


def _read_sites(counters: Counters) -> Iterator[_Site]:
    values, at = counters.values, 0
    while at < len(values):
        if at + 2 > len(values) or at + 2 + 2 * values[at + 1] > len(values):
            raise UserError(
                "a list of values goes beyond its counters",
                where="counters of values (topn, indirect calls)",
                next_step="leave the file out, or train again and collect it anew",
            )
        total = values[at] - (1 << 64) if values[at] > COUNT_MAX else values[at]
        pairs = values[at + 2 : at + 2 + 2 * values[at + 1]]
        yield _Site(total, dict(zip(pairs[::2], pairs[1::2], strict=True)))
        at += 2 + len(pairs)


def _write_sites(kind: int, sites: list[_Site]) -> Counters:
    values: list[int] = []
    for site in sites:
        values += [site.total % (1 << 64), len(site.counts)]
        for value, count in site.counts.items():
            values += [value, count]
    return Counters(kind, tuple(values))


def _different_sites() -> UserError:
    return UserError(
        "the counters of values are of different code",
        where="counters of values",
        next_step="train again: the two profiles are not of the same source and compiler",
    )

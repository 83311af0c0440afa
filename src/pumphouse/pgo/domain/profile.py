# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles: the counters of all objects of a kernel, and what is done with them as numbers.

A profile maps an object's name relative to the build folder, without suffix ("kernel/fork"), to its counters. Notes map
the same names to the notes of an instrumented build.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.gcda import ARCS, COUNT_MAX, SUM_MAX, Counters, FunctionCounts, Gcda, Summary, read_gcda
from pumphouse.pgo.domain.gcno import Gcno, read_gcno
from pumphouse.pgo.domain.names import Names
from pumphouse.pgo.domain.value_counters import merge_values, scale_values

Profile = Mapping[str, Gcda]
Notes = Mapping[str, Gcno]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a kernel a profile has seen. `total` and `largest` are of counts of arcs."""

    objects: int
    objects_executed: int
    functions: int
    functions_executed: int
    arcs: int
    arcs_executed: int
    total: int
    largest: int


class HotFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function by its share of all counts (0 to 1). `name` is empty where it is not known."""

    object: str
    ident: int
    name: str
    source: str
    line: int
    count: int
    share: float


def read_profile(files: Mapping[str, bytes]) -> dict[str, Gcda]:
    """The profile of counter files, by their names (`kernel/fork.gcda`). Raises UserError for the first damaged one."""
    return {name.removesuffix(".gcda"): read_gcda(files[name], name=name) for name in sorted(files)}


def read_notes(files: Mapping[str, bytes]) -> dict[str, Gcno]:
    """The notes of notes files, by their names (`kernel/fork.gcno`). Raises UserError for the first that is damaged."""
    return {name.removesuffix(".gcno"): read_gcno(files[name], name=name) for name in sorted(files)}


def walk(profile: Profile) -> Iterator[tuple[str, FunctionCounts]]:
    """Each function with counters of its own, with its object's name."""
    for name, gcda in profile.items():
        for function in gcda.functions:
            if function.ident:
                yield name, function


def measure_coverage(profile: Profile) -> Coverage:
    """How much of the kernel was executed."""
    functions = [(name, function.arcs) for name, function in walk(profile)]
    executed = [(name, arcs) for name, arcs in functions if any(arcs)]
    return Coverage(
        objects=len(profile),
        objects_executed=len({name for name, _ in executed}),
        functions=len(functions),
        functions_executed=len(executed),
        arcs=sum(len(arcs) for _, arcs in functions),
        arcs_executed=sum(1 for _, arcs in executed for count in arcs if count),
        total=sum(sum(arcs) for _, arcs in executed),
        largest=max((max(arcs) for _, arcs in executed), default=0),
    )


def list_hottest(profile: Profile, names: Names, *, limit: int = 20) -> list[HotFunction]:
    """The functions with the most counts of arcs, the hottest first."""
    total = sum(gcda.total for gcda in profile.values())
    found = [(sum(function.arcs), name, function.ident) for name, function in walk(profile) if any(function.arcs)]
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    return [_name_function(one, names, total) for one in found[:limit]]


def _name_function(found: tuple[int, str, int], names: Names, total: int) -> HotFunction:
    count, name, ident = found
    told = names.get(name, {}).get(ident)
    return HotFunction(
        object=name,
        ident=ident,
        name=told.name if told else "",
        source=told.source if told else "",
        line=told.line if told else 0,
        count=count,
        share=count / total,
    )


def add_summary(profile: Profile, *, runs: int = 1) -> dict[str, Gcda]:
    """The profile with a summary in every file: the one largest counter of the whole kernel.

    A kernel writes none, and gcc silently gives up a profile without it. It says how hot is hot, so it must be the same
    everywhere. It has 32 bits: counts beyond them are scaled down together, else gcc would take everything for hot.
    """
    largest = max((gcda.largest for gcda in profile.values()), default=0)
    if largest > SUM_MAX:
        profile, largest = scale(profile, SUM_MAX / largest), SUM_MAX
    summary = Summary(runs, largest)
    return {name: msgspec.structs.replace(gcda, summary=summary) for name, gcda in profile.items()}


def scale(profile: Profile, factor: float) -> dict[str, Gcda]:
    """Every count times `factor`, rounded; what was executed stays executed, and no count passes COUNT_MAX.

    A summary is scaled likewise. Raises UserError where the factor is not a positive number.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise UserError(
            f"{factor} is no weight", where="the weight of a profile", next_step="give a positive number, like 0.5 or 3"
        )
    times = _times(factor)
    return {name: _scale_file(gcda, times) for name, gcda in profile.items()}


def _scale_file(gcda: Gcda, times: Callable[[int], int]) -> Gcda:
    summary = gcda.summary and Summary(gcda.summary.runs, min(SUM_MAX, times(gcda.summary.sum_max)))
    functions = tuple(
        msgspec.structs.replace(one, counters=tuple(scale_values(kind, times) for kind in one.counters))
        for one in gcda.functions
    )
    return msgspec.structs.replace(gcda, summary=summary, functions=functions)


def _times(factor: float) -> Callable[[int], int]:
    if factor == 1:
        return lambda count: count
    if factor == int(factor):
        whole = int(factor)
        return lambda count: min(COUNT_MAX, count * whole)
    return lambda count: count and min(COUNT_MAX, max(1, round(count * factor)))


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A function whose counts could not be merged. `part` is the position of the profile that they come from."""

    part: int
    object: str
    ident: int
    count: int
    why: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A merged profile with its summary, and the functions that did not fit those of an earlier profile."""

    profile: dict[str, Gcda]
    left_out: list[LeftOut]


def merge(profiles: Sequence[Profile], weights: Sequence[float] | None = None, *, by_share: bool = False) -> Merged:
    """Profiles added up, each count times its profile's weight (1 where none are given).

    With `by_share` the profiles count for their weights however long they ran: each is first scaled to the total of the
    largest. Counts stop at COUNT_MAX. A function is added where ident, control flow and number of arcs agree; the first
    profile that has it decides, and others are left out and told. Raises UserError for profiles that have nothing to do
    with each other: other compilers, other numbers of weights.
    """
    weights = [1.0] * len(profiles) if weights is None else weights
    if len(weights) != len(profiles) or not profiles:
        raise UserError(
            f"{len(weights)} weights for {len(profiles)} profiles",
            where="the weights",
            next_step="give as many as there are profiles, or none",
        )
    refuse_other_compilers(profiles)
    if by_share:
        totals = [sum(gcda.total for gcda in profile.values()) for profile in profiles]
        weights = [weight * max(totals) / (total or 1) for weight, total in zip(weights, totals, strict=True)]
    scaled = [scale(profile, weight) for profile, weight in zip(profiles, weights, strict=True)]
    left_out: list[LeftOut] = []
    merged = {
        name: _merge_files(
            [(part, profile[name]) for part, profile in enumerate(scaled) if name in profile], name, left_out
        )
        for name in sorted({name for profile in scaled for name in profile})
    }
    runs = sum(max((one.summary.runs for one in profile.values() if one.summary), default=1) for profile in profiles)
    return Merged(profile=add_summary(merged, runs=runs), left_out=left_out)


def refuse_other_compilers(profiles: Sequence[Profile]) -> None:
    """Raises UserError unless all files are of one compiler."""
    versions = sorted({gcda.version for profile in profiles for gcda in profile.values()})
    if len(versions) > 1:
        raise UserError(
            "the counters are of different compilers",
            where="the version words of the files",
            why=", ".join(versions),
            next_step="train again with one compiler; gcc takes only the files of its own version",
        )


def _merge_files(parts: list[tuple[int, Gcda]], name: str, left_out: list[LeftOut]) -> Gcda:
    first = parts[0][1]
    functions = {one.ident: one for one in first.functions if one.ident}
    for part, gcda in parts[1:]:
        for function in gcda.functions:
            known = functions.get(function.ident)
            if known is None and function.ident:
                functions[function.ident] = function
            elif known is not None and known.key == function.key:
                functions[function.ident] = _merge_functions(known, function)
            elif known is not None:
                why = "other control flow" if known.cfg_checksum != function.cfg_checksum else "other number of arcs"
                count = sum(function.arcs)
                left_out.append(LeftOut(part=part, object=name, ident=function.ident, count=count, why=why))
    return msgspec.structs.replace(first, functions=tuple(functions.values()))


def _merge_functions(one: FunctionCounts, other: FunctionCounts) -> FunctionCounts:
    kinds = {counters.kind: counters for counters in one.counters}
    for counters in other.counters:
        known = kinds.get(counters.kind)
        kinds[counters.kind] = counters if known is None else _merge_counters(known, counters)
    return msgspec.structs.replace(one, counters=tuple(kinds[kind] for kind in sorted(kinds)))


def _merge_counters(one: Counters, other: Counters) -> Counters:
    if one.kind != ARCS:
        return merge_values(one, other)
    if other.packed or not any(other.values):
        return one
    values = tuple(min(COUNT_MAX, a + b) for a, b in zip(one.values, other.values, strict=True))
    return Counters(one.kind, values)

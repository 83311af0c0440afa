# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo profile`: read, check, merge and compare profiles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.pgo.domain.bundle import (
    Bundle,
    SourceRecord,
    WorkloadRecord,
    list_differences,
    make_bundle,
    move_bundle,
    write_bundle,
)
from pumphouse.pgo.domain.fit import LEAST_USABLE
from pumphouse.pgo.domain.match import check_profile, measure_staleness
from pumphouse.pgo.domain.names import FunctionName, find_source_path
from pumphouse.pgo.domain.overlap import Overlap, list_changes, measure_overlap
from pumphouse.pgo.domain.profile import list_hottest, measure_coverage
from pumphouse.pgo.domain.profile import merge as merge_profiles
from pumphouse.pgo.domain.profile_text import (
    answer_check,
    show_changes,
    show_check,
    show_left_out,
    show_overlap,
    show_profile,
)
from pumphouse.pgo.domain.remap import remap
from pumphouse.pgo.profile_files import OpenedProfile, open_build, open_bundle, open_profile, write_file

app = App(name="profile", help="Read, check, merge and compare profiles.")

ProfileArgument = Annotated[Path, Parameter(help="A bundle, or a folder of .gcda files.")]
BundleOutput = Annotated[Path, Parameter(name=["--output", "-o"], help="The bundle to write.")]


@app.command
def show(
    profile: ProfileArgument,
    *,
    functions: Annotated[int, Parameter(help="How many of the hottest functions to list.")] = 20,
    json: JsonOption = False,
) -> int:
    """Tell what a profile has seen, where it is from, and its hottest functions.

    Example: pumphouse pgo profile show redis.bundle
    """
    opened = open_profile(profile)
    coverage = measure_coverage(opened.profile)
    hottest = list_hottest(opened.profile, opened.names, limit=functions)
    if json:
        print_json({"manifest": _describe(opened), "coverage": coverage, "hottest": hottest})
    else:
        print_lines(show_profile(opened.label, coverage, opened.manifest, hottest))
    return 0


@app.command
def check(
    profile: ProfileArgument,
    *,
    build: Annotated[Path, Parameter(help="The instrumented kernel's folder, or its notes.")],
    least: Annotated[float, Parameter(help="The share of counts that must fit, 0 to 1.")] = LEAST_USABLE,
    json: JsonOption = False,
) -> int:
    """Tell whether a profile is of a build, or how much of it fits there. Exits with 1 where it does not.

    Example: pumphouse pgo profile check redis.bundle --build o/instrumented
    """
    opened, held = open_profile(profile), open_build(build)
    counters, names, lost = opened.profile, opened.names, 0
    path = held.record.source_path if held.record else find_source_path(held.notes)
    if opened.manifest is not None and path:
        moved = remap(counters, names, old_path=opened.manifest.source.path, new_path=path)
        counters, names, lost = moved.profile, moved.names, len(moved.lost)
    differences = list_differences(opened.manifest, held.record) if opened.manifest and held.record else []
    found = check_profile(counters, held.notes)
    staleness = measure_staleness(counters, held.notes, names)
    fits, answer = answer_check(opened.label, found, staleness, least=least)
    if json:
        print_json(
            {
                "fits": fits,
                "answer": answer,
                "least": least,
                "of_build": found.is_of_build,
                "usable": staleness.usable,
                "moved": staleness.moved,
                "changed": staleness.changed,
                "gone": staleness.gone,
                "files": [one for one in found.files if one.verdict != "ok"],
                "without_counters": found.missing,
                "functions": [one for one in staleness.functions if one.state in {"changed", "gone"}],
                "not_followed": lost,
                "differences": differences,
            }
        )
    else:
        print_lines([answer, "", *show_check(found, staleness), *differences])
        if lost:
            say(f"{lost} functions could not be followed to the path of that build's tree")
    return 0 if fits else 1


@app.command
def merge(
    *bundles: Annotated[Path, Parameter(help="The bundles to merge.")],
    output: BundleOutput,
    weight: Annotated[
        list[float] | None, Parameter(help="What each count of a bundle is worth: once for each, in their order.")
    ] = None,
    by_share: Annotated[
        bool, Parameter(negative="", help="Weigh the workloads whatever time they ran and whatever they counted.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Add bundles of one kernel up, each with a weight.

    Example: pumphouse pgo profile merge redis.bundle http.bundle --weight 3 --weight 1 --by-share -o both.bundle
    """
    if len(bundles) < 2:
        raise UserError("one bundle is merged already", where="profile merge", next_step="name two or more bundles")
    opened = [open_bundle(path) for path in bundles]
    first = opened[0].manifest
    parts = [opened[0], *(move_bundle(one, first.source.path)[0] for one in opened[1:])]
    merged = merge_profiles([one.profile for one in parts], weight, by_share=by_share)
    weights = weight or [1.0] * len(parts)
    bundle = make_bundle(
        merged.profile,
        {name: _names_of(parts, name) for name in merged.profile},
        compiler=first.compiler,
        config_sha256=first.config_sha256,
        source=SourceRecord(identity=first.source.identity, version=first.source.version, path=first.source.path),
        workload=WorkloadRecord(
            name=" + ".join(
                f"{one.manifest.workload.name}" + (f" x {value:g}" if value != 1 else "")
                for one, value in zip(parts, weights, strict=True)
            )
        ),
        duration_s=math.fsum(one.manifest.duration_s for one in parts),
    )
    write_file(output, write_bundle(bundle))
    _warn_of_differences(opened)
    if json:
        print_json({"output": str(output), "manifest": _short(bundle), "left_out": merged.left_out})
    else:
        coverage = bundle.manifest.coverage
        print_lines(
            [
                f"{output}: {coverage.functions_executed:,} of {coverage.functions:,} functions ran",
                f"in {bundle.manifest.workload.name}; {len(merged.left_out)} functions did not fit and were left out.",
                *show_left_out(merged.left_out),
            ]
        )
    return 0


@app.command
def overlap(
    a: ProfileArgument,
    b: ProfileArgument,
    *,
    least: Annotated[float, Parameter(help="Exit with 1 where they overlap by less, 0 to 1.")] = 0.0,
    json: JsonOption = False,
) -> int:
    """Tell how alike two profiles are: 100 % where all counts are proportional.

    Example: pumphouse pgo profile overlap monday.bundle tuesday.bundle --least 0.99
    """
    left, right, found = _compare(a, b)
    if json:
        print_json({"overlap": found.total, "least": least, "functions": found.functions})
    else:
        print_lines([show_overlap(left.label, right.label, found)])
    return 0 if found.total >= least else 1


@app.command
def diff(
    a: ProfileArgument,
    b: ProfileArgument,
    *,
    functions: Annotated[int, Parameter(help="How many functions to list.")] = 20,
    json: JsonOption = False,
) -> int:
    """Tell which functions gained or lost share of the counts from A to B.

    Example: pumphouse pgo profile diff redis.bundle http.bundle
    """
    left, right, found = _compare(a, b)
    changes = list_changes(found, limit=functions)
    if json:
        told = [{**msgspec.to_builtins(one), "change": one.change} for one in changes]
        print_json({"overlap": found.total, "changes": told})
    else:
        print_lines([show_overlap(left.label, right.label, found), "", *show_changes(changes)])
    return 0


def _compare(a: Path, b: Path) -> tuple[OpenedProfile, OpenedProfile, Overlap]:
    """Both profiles, and their overlap as if their trees were at one path."""
    left, right = open_profile(a), open_profile(b)
    profile, names = right.profile, right.names
    if left.manifest is not None and right.manifest is not None:
        old, new = right.manifest.source.path, left.manifest.source.path
        moved = remap(profile, names, old_path=old, new_path=new)
        profile, names = moved.profile, moved.names
    every = {name: {**names.get(name, {}), **left.names.get(name, {})} for name in {*names, *left.names}}
    return left, right, measure_overlap(left.profile, profile, every)


def _names_of(parts: list[Bundle], name: str) -> dict[int, FunctionName]:
    return {ident: told for one in reversed(parts) for ident, told in one.names.get(name, {}).items()}


def _warn_of_differences(bundles: list[Bundle]) -> None:
    for what, values in (
        ("configurations", {one.manifest.config_sha256 for one in bundles}),
        ("sources", {one.manifest.source.identity for one in bundles}),
    ):
        if len(values) > 1:
            say(f"these bundles are of {len(values)} different {what}; what did not fit was left out")


def _describe(opened: OpenedProfile) -> object:
    if opened.manifest is None:
        return None
    return {key: value for key, value in msgspec.to_builtins(opened.manifest).items() if key != "counters"}


def _short(bundle: Bundle) -> object:
    return {key: value for key, value in msgspec.to_builtins(bundle.manifest).items() if key != "counters"}

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What is said of profiles on a terminal: the answer first, then the evidence, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from pumphouse.pgo.domain.bundle import Manifest
from pumphouse.pgo.domain.match import WORDS, Check, Staleness
from pumphouse.pgo.domain.overlap import FunctionOverlap, Overlap
from pumphouse.pgo.domain.profile import Coverage, HotFunction, LeftOut

_WIDTH = 80


def per_cent(share: float) -> str:
    """A share (0 to 1) in per cent with three figures: never 100 % for less, never 0 % for more."""
    value = 100 * share
    if 0 < value < 0.01:
        return "<0.01 %"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    if text == "100.0":
        return "100 %" if value >= 100 - 1e-9 else "99.9 %"
    return "0 %" if value == 0 else f"{text} %"


def show_profile(
    label: str, coverage: Coverage, manifest: Manifest | None, hottest: Sequence[HotFunction]
) -> list[str]:
    """A profile: how much of the kernel it has seen, where it is from, its hottest functions."""
    ran = coverage.functions_executed / coverage.functions if coverage.functions else 0
    lines = [
        f"{label}: {per_cent(ran)} of the functions ran,",
        f"{coverage.functions_executed:,} of {coverage.functions:,} in {coverage.objects:,} objects.",
        "",
        f"counts    {coverage.total:,} in all, {coverage.largest:,} the largest",
        f"arcs      {coverage.arcs_executed:,} of {coverage.arcs:,} taken",
    ]
    if manifest is not None:
        lines += [
            f"workload  {manifest.workload.name}, {manifest.duration_s:g} s",
            f"source    {manifest.source.version} in {manifest.source.path}"[:_WIDTH],
            f"compiler  {manifest.compiler} ({manifest.gcda_version})"[:_WIDTH],
            f"config    sha256 {manifest.config_sha256[:16]}",
        ]
    if hottest:
        lines += ["", "   share  function and source"]
        lines += [f"{per_cent(one.share):>8}  {_label(one.name, one.ident)}{_place(one)}"[:_WIDTH] for one in hottest]
    return lines


def _place(one: HotFunction) -> str:
    return f"  {one.source}:{one.line}" if one.source else f"  {one.object}"


def answer_check(label: str, check: Check, staleness: Staleness, *, least: float) -> tuple[bool, str]:
    """Whether a profile can be used with a build, and the sentence that says so."""
    bad = [one for one in check.files if one.verdict in {"damaged", "compiler"}]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        return False, f"No: {bad[0].object}.gcda{more} of {label} is {WORDS[bad[0].verdict]}."
    if check.is_of_build:
        functions = sum(one.functions for one in check.files)
        return True, f"Yes: {label} is of this build, all {functions:,} functions in {len(check.files):,} files."
    fits = staleness.usable >= least
    told = f"{per_cent(staleness.usable)} of the counts of {label} fit this build"
    return fits, f"Yes: {told}." if fits else f"No: {told}, less than {per_cent(least)}."


def show_check(check: Check, staleness: Staleness, *, limit: int = 20) -> list[str]:
    """What a check found: files by verdict, what became of the hot functions that do not fit, what differs where."""
    lines = []
    for verdict, words in WORDS.items():
        found = [one for one in check.files if one.verdict == verdict]
        if found:
            lines.append(f"{len(found):>6,} files {words}")
    if check.missing:
        lines.append(f"{len(check.missing):>6,} objects of the build have no counters")
    lines.append(
        f"of the counts {per_cent(staleness.usable)} fit ({per_cent(staleness.moved)} on other lines), "
        f"{per_cent(staleness.changed)} changed, {per_cent(staleness.gone)} gone"
    )
    stale = [one for one in staleness.functions if one.state in {"changed", "gone"}]
    if stale:
        lines += ["", "   share  what does not fit"]
        lines += [
            f"{per_cent(one.share):>8}  {one.state:<8} {_label(one.name, one.ident)}  {one.object}"[:_WIDTH]
            for one in stale[:limit]
        ]
        lines += [f"          and {len(stale) - limit:,} more"] if len(stale) > limit else []
    odd = [(file, one) for file in check.files for one in file.mismatches if file.verdict == "damaged"]
    if odd:
        lines += ["", "damaged"]
        lines += [f"  {file.object}.gcda: {one.name or one.ident} {one.why}"[:_WIDTH] for file, one in odd[:limit]]
    return lines


def show_overlap(a: str, b: str, overlap: Overlap) -> str:
    """How alike two profiles are, in a sentence."""
    return f"{a} and {b} overlap by {per_cent(overlap.total)}."


def show_changes(changes: Sequence[FunctionOverlap]) -> list[str]:
    """Which functions gained or lost share."""
    if not changes:
        return ["No function changed its share of the counts."]
    lines = ["  change   share A   share B  function"]
    for one in changes:
        sign = "+" if one.change > 0 else "-"
        change = f"{sign}{per_cent(abs(one.change))}"
        shares = f"{per_cent(one.share_a):>8}  {per_cent(one.share_b):>8}"
        lines.append(f"{change:>8}  {shares}  {_label(one.name, one.ident)}  {one.object}"[:_WIDTH])
    return lines


def show_left_out(left_out: Sequence[LeftOut], *, limit: int = 10) -> list[str]:
    """The functions that could not be merged."""
    lines = [
        f"  {one.object}: function {one.ident} of profile {one.part + 1}: {one.why}, {one.count:,} counts"[:_WIDTH]
        for one in left_out[:limit]
    ]
    return lines + ([f"  and {len(left_out) - limit:,} more"] if len(left_out) > limit else [])


def _label(name: str, ident: int) -> str:
    return name or f"function {ident}"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""From a bundle of anywhere to a profile that this build's compiler takes, or the reason why it must not."""

from __future__ import annotations

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.bundle import Bundle, move_bundle
from pumphouse.pgo.domain.gcda import Gcda
from pumphouse.pgo.domain.match import Staleness, keep_matching, measure_staleness
from pumphouse.pgo.domain.names import FunctionName
from pumphouse.pgo.domain.profile import Notes, add_summary
from pumphouse.pgo.domain.remap import Lost

LEAST_USABLE = 0.8  # of the counts: below it a profile says more about other code than about this


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A profile to build with: for the tree's path, with summaries, and without what no longer fits.

    `staleness` is None where there were no notes of this tree to hold it against: then nothing was taken out.
    """

    profile: dict[str, Gcda]
    names: dict[str, dict[int, FunctionName]]
    staleness: Staleness | None
    lost: list[Lost]


def fit_bundle(
    bundle: Bundle,
    *,
    source_path: str,
    gcda_version: str,
    notes: Notes | None = None,
    least: float = LEAST_USABLE,
    force: bool = False,
) -> Fitted:
    """The bundle's profile for the tree at `source_path` and the compiler of `gcda_version` (make_version).

    `notes` are of an instrumented build of that tree. Raises UserError for another compiler, and for a profile of whose
    counts less than `least` fits unless it is forced; never forced is one of which nothing fits.
    """
    told = bundle.manifest.gcda_version
    if told != gcda_version:
        raise UserError(
            f"the profile is of another compiler: {told}, here {gcda_version}",
            where="the bundle's manifest",
            why="gcc takes only profiles of its own version",
            next_step=f"build with {bundle.manifest.compiler}, or train with this one",
        )
    moved, lost = move_bundle(bundle, source_path)
    if notes is None:
        return Fitted(profile=add_summary(moved.profile), names=moved.names, staleness=None, lost=lost)
    staleness = measure_staleness(moved.profile, notes, moved.names)
    if staleness.usable == 0 or (staleness.usable < least and not force):
        worst = [one for one in staleness.functions if one.state in {"changed", "gone"}][:3]
        raise UserError(
            f"the profile is stale: {100 * staleness.usable:.1f} % of its counts fit, {100 * least:g} % are asked for",
            where=f"{bundle.manifest.source.version}, trained with {bundle.manifest.workload.name}",
            why="; ".join(f"{one.name or one.ident} {one.state} ({100 * one.share:.1f} %)" for one in worst),
            next_step="train on this tree" + ("" if staleness.usable == 0 else ", or force it"),
        )
    kept = keep_matching(moved.profile, notes)
    return Fitted(profile=add_summary(kept), names=moved.names, staleness=staleness, lost=lost)

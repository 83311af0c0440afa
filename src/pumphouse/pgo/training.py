# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A profile on its way from the guest into a build: read strictly, what is damaged left out and told, summed up."""

from __future__ import annotations

from pumphouse.core.errors import InfraError, UserError
from pumphouse.pgo.collect import Packed, pack_collected
from pumphouse.pgo.domain.archive import unpack_files
from pumphouse.pgo.domain.build_record import BuildRecord
from pumphouse.pgo.domain.bundle import WorkloadRecord
from pumphouse.pgo.domain.collected import Collected
from pumphouse.pgo.domain.gcda import write_gcda
from pumphouse.pgo.domain.profile import Notes, Profile, measure_coverage
from pumphouse.pgo.domain.request import HOT_SHARE
from pumphouse.pgo.domain.result import ProfileRecord


def pack_training(
    archive: bytes, notes: Notes, build: BuildRecord, *, workload: WorkloadRecord, duration_s: float
) -> Packed:
    """The bundle of what a training brought back; files that are damaged or of another build are left out and told.

    Raises InfraError where the archive is damaged or empty, UserError where none of its files can be used.
    """
    try:
        files = unpack_files(archive, name="the counters of the guest")
    except UserError as error:
        raise InfraError(
            "what came back of the training cannot be read", why=error.text.what, next_step="train again"
        ) from error
    prefix = build.objects_path.strip("/") + "/"
    mine, elsewhere = {}, []
    for path, content in files.items():
        name = path.removeprefix("./")
        if name.startswith(prefix):
            mine[name.removeprefix(prefix)] = content
        else:
            elsewhere.append(name)
    if not mine:
        raise InfraError(
            "the training brought back no counters of this build",
            where=build.objects_path,
            why=f"{len(files)} files came, all of elsewhere" if files else "the archive is empty",
            next_step="train again on the kernel that was built there",
        )
    collected = Collected(files=mine, elsewhere=sorted(elsewhere), duration_s=duration_s, is_reset=True)
    return pack_collected(collected, notes, build, workload=workload)


def pack_profile(profile: Profile) -> dict[str, bytes]:
    """The .gcda as the compiler takes them, by object name."""
    return {name: write_gcda(gcda) for name, gcda in profile.items()}


def describe_profile(profile: Profile, left_out: list[str]) -> ProfileRecord:
    """How much of the kernel the training reached."""
    coverage = measure_coverage(profile)
    return ProfileRecord(
        objects=coverage.objects,
        functions=coverage.functions,
        functions_executed=coverage.functions_executed,
        counters=coverage.arcs,
        counters_nonzero=coverage.arcs_executed,
        left_out=left_out,
    )


def choose_flags(profile: Profile, options: list[str]) -> dict[str, str]:
    """More compiler flags by object name, as the options ask."""
    if "o3" in options:
        return dict.fromkeys(profile, "-O3")
    if "o3-hot" in options:
        return dict.fromkeys(find_hot(profile), "-O3")
    return {}


def find_hot(profile: Profile, share: float = HOT_SHARE) -> list[str]:
    """The fewest objects that hold this share of all counts."""
    weights = {name: gcda.total for name, gcda in profile.items()}
    wanted, found, held = share * sum(weights.values()), [], 0
    for name in sorted(weights, key=lambda item: (-weights[item], item)):
        if held >= wanted:
            break
        found.append(name)
        held += weights[name]
    return sorted(found)

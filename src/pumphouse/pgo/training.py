# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A profile on its way from the guest into a build: read strictly, what is damaged left out and told, summed up."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from pumphouse.core.errors import InfraError, UserError
from pumphouse.pgo.domain.gcda import Gcda, read_gcda, write_gcda
from pumphouse.pgo.domain.gcno import read_gcno
from pumphouse.pgo.domain.match import check_against_notes
from pumphouse.pgo.domain.profile import Profile, add_summary, measure_coverage
from pumphouse.pgo.domain.request import HOT_SHARE
from pumphouse.pgo.domain.result import ProfileRecord


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A profile that is fit to build with, and each file that was left out with the reason."""

    profile: Profile
    left_out: list[str]


def unpack(archive: bytes) -> dict[str, bytes]:
    """The .gcda of a training by object name. Raises InfraError where the archive is damaged."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            for member in opened:
                stream = opened.extractfile(member) if member.isfile() else None
                if stream is not None and member.name.endswith(".gcda"):
                    files[member.name.removeprefix("./").removesuffix(".gcda")] = stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InfraError(
            "what came back of the training cannot be read",
            why=str(error),
            next_step="train again; the guest's console tells whether it ended well",
        ) from error
    if not files:
        raise InfraError(
            "the training brought back no counters",
            why="the guest has no /sys/kernel/debug/gcov, or the export failed",
            next_step="look at its console",
        )
    return files


def read_profile(files: Mapping[str, bytes], notes: Mapping[str, bytes]) -> Trained:
    """The files that are whole and of this build, with their summaries; the others are named.

    Raises UserError where none is left.
    """
    whole: dict[str, Gcda] = {}
    left_out = []
    for name in sorted(files):
        try:
            gcda = read_gcda(files[name], name=f"{name}.gcda")
            if name in notes:
                check_against_notes(name, gcda, read_gcno(notes[name], name=f"{name}.gcno"))
            else:
                raise UserError("no object of this build has this name")
        except UserError as error:
            left_out.append(f"{name}.gcda: {error.text.what}")
            continue
        whole[name] = gcda
    if not whole:
        raise UserError(
            f"none of {len(files)} files of counters can be used",
            why=left_out[0],
            next_step="train on a kernel of this source, configuration and compiler",
        )
    return Trained(profile=add_summary(whole), left_out=left_out)


def pack_profile(profile: Profile) -> dict[str, bytes]:
    """The .gcda as the compiler takes them, by object name."""
    return {name: write_gcda(gcda) for name, gcda in profile.items()}


def describe_profile(trained: Trained) -> ProfileRecord:
    """How much of the kernel the training reached."""
    coverage = measure_coverage(trained.profile)
    return ProfileRecord(
        objects=coverage.objects,
        functions=coverage.functions,
        functions_executed=coverage.functions_executed,
        counters=coverage.arcs,
        counters_nonzero=coverage.arcs_executed,
        left_out=trained.left_out,
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

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a tuning builds, trains and boots with: the compiler and QEMU of this machine, or a model of them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pumphouse.core.progress import Progress
from pumphouse.lab.build import BuildSpec
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.toolchain import find_toolchain
from pumphouse.lab.tree import open_tree
from pumphouse.pgo.build import TunedKernel, build_base, build_instrumented, build_tuned, choose_spec, rebuild_base
from pumphouse.pgo.collect import Packed, describe_workload
from pumphouse.pgo.domain.bundle import Bundle
from pumphouse.pgo.domain.counts import PhaseCounts
from pumphouse.pgo.domain.fit import Fitted, fit_bundle
from pumphouse.pgo.domain.gcov_version import make_version
from pumphouse.pgo.domain.profile import Profile
from pumphouse.pgo.domain.request import TuneRequest
from pumphouse.pgo.domain.workload import Workload
from pumphouse.pgo.fake import FakeBench
from pumphouse.pgo.measure import measure, train
from pumphouse.pgo.profile_files import open_build
from pumphouse.pgo.training import pack_profile, pack_training


class Bench(Protocol):
    """Builds the kernels of one tuning, trains and measures them."""

    @property
    def board(self) -> str:
        """What results call it."""

    async def compiler(self) -> str:
        """The compiler's version."""

    async def build_base(self, progress: Progress) -> Kernel:
        """The base."""

    async def rebuild_base(self, progress: Progress) -> Kernel:
        """The base once more, from nothing."""

    async def build_instrumented(self, base: Kernel, progress: Progress) -> Kernel:
        """The base with counters."""

    async def build_tuned(
        self, base: Kernel, profile: Profile, flags: Mapping[str, str], progress: Progress
    ) -> TunedKernel:
        """The base's code with a profile, and more compiler flags for some objects."""

    async def train(self, kernel: Kernel, progress: Progress) -> Packed:
        """What the instrumented kernel counted in the trained phases."""

    async def fit(self, bundle: Bundle) -> Fitted:
        """A bundle from elsewhere, for this tree and this compiler."""

    async def measure(self, kernel: Kernel, *, seed: int, progress: Progress) -> PhaseCounts:
        """What a kernel executes in each phase."""


@dataclass(frozen=True, kw_only=True)
class QemuBench:
    """gcc and QEMU."""

    spec: BuildSpec
    workload: Workload
    board: str = "qemu icount, shift=0"

    async def compiler(self) -> str:
        """See Bench."""
        return (await find_toolchain(self.spec.toolchain)).version

    async def build_base(self, progress: Progress) -> Kernel:
        """See Bench."""
        return await build_base(self.spec, progress=progress)

    async def rebuild_base(self, progress: Progress) -> Kernel:
        """See Bench."""
        return await rebuild_base(self.spec, progress=progress)

    async def build_instrumented(self, base: Kernel, progress: Progress) -> Kernel:
        """See Bench."""
        return await build_instrumented(self.spec, base, progress=progress)

    async def build_tuned(
        self, base: Kernel, profile: Profile, flags: Mapping[str, str], progress: Progress
    ) -> TunedKernel:
        """See Bench."""
        files = await asyncio.to_thread(pack_profile, profile)
        return await build_tuned(self.spec, base, files, flags=flags, progress=progress)

    async def train(self, kernel: Kernel, progress: Progress) -> Packed:
        """See Bench."""
        held = await asyncio.to_thread(open_build, kernel.image.parent)
        assert held.record is not None  # noqa: S101  for the type checker; every build of ours writes metadata.json
        began = time.monotonic()
        archive = await train(kernel, self.workload, progress=progress)
        return await asyncio.to_thread(
            pack_training,
            archive,
            held.notes,
            held.record,
            workload=describe_workload(self.workload.path),
            duration_s=round(time.monotonic() - began, 1),
        )

    async def fit(self, bundle: Bundle) -> Fitted:
        """See Bench."""
        tree, compiler = await open_tree(self.spec.source), await self.compiler()
        number = re.search(r"\d+\.\d+\.\d+", compiler)
        version = make_version(number[0] if number else compiler)
        return await asyncio.to_thread(fit_bundle, bundle, source_path=str(tree.path), gcda_version=version)

    async def measure(self, kernel: Kernel, *, seed: int, progress: Progress) -> PhaseCounts:
        """See Bench."""
        return await measure(kernel, self.workload, progress=progress, seed=seed)


def open_bench(request: TuneRequest, workload: Workload, *, folder: Path) -> Bench:
    """The bench of a checked request; `folder` is for what a model builds. Raises UserError for the configuration."""
    if request.board == "fake":
        return FakeBench(folder=folder, workload=workload)
    return QemuBench(spec=choose_spec(request.source, request.config), workload=workload)

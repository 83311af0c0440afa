# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run `pgo.tune`: builds the base, trains, builds with the profile, boots both in turn, and compares.

Each build, the training and each boot is a step that is kept; builds are kept by content besides. The counters are the
artifact profile.bundle: everything after the training is computed from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pumphouse.core.jobs.context import RunContext
from pumphouse.core.jobs.job import Job, Jobs, Outcome, decode_params
from pumphouse.core.jobs.records import Measurement
from pumphouse.lab.kernel import Kernel, read_kernel
from pumphouse.pgo.bench import Bench, open_bench
from pumphouse.pgo.domain.bundle import read_bundle, write_bundle
from pumphouse.pgo.domain.compare import Comparison, Counts, compare_boots
from pumphouse.pgo.domain.counts import PhaseCounts
from pumphouse.pgo.domain.profile import Profile, add_summary
from pumphouse.pgo.domain.report import write_report
from pumphouse.pgo.domain.request import TuneRequest, check_request, write_command
from pumphouse.pgo.domain.result import (
    FUNCTIONS_KEPT,
    KernelRecord,
    TextRecord,
    TuneResult,
    judge,
    write_answer,
)
from pumphouse.pgo.domain.symbols import compare_text, read_functions
from pumphouse.pgo.domain.usage import ProfileUse, describe
from pumphouse.pgo.domain.workload import Workload, read_workload
from pumphouse.pgo.kinds import GUESS_S, TUNE
from pumphouse.pgo.profile_files import read_file
from pumphouse.pgo.training import choose_flags, describe_profile

PROFILE = "profile.bundle"
# How the time is spent, measured on two free cores; decides how far the bar is.
SHARES = {"base": 0.2, "instrumented": 0.22, "train": 0.05, "tuned": 0.2, "rebuilt": 0.2, "boots": 0.13}


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What a build's step keeps: where the image lies, and its hash. The kernel itself is in the cache."""

    image: str
    source: str
    sha256: str
    use: ProfileUse | None = None


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the training's step keeps: the bundle in the artifact store, and the files that are not in it."""

    sha256: str
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A profile that is fit to build with."""

    profile: Profile
    left_out: list[str]


def jobs() -> Jobs:
    """The kinds of run of this part."""
    return {TUNE: Job(kind=TUNE, perform=perform_tune, guess_s=GUESS_S)}


def read_request(params: Mapping[str, Any]) -> TuneRequest:
    """The checked request in a run's parameters. Raises UserError."""
    request = decode_params(
        params, TuneRequest, kind=TUNE, work="tuning", next_step="pumphouse pgo tune --help tells what there is"
    )
    check_request(request)
    return request


async def perform_tune(context: RunContext) -> Outcome:
    """Tune a kernel to a workload. Raises UserError for what cannot be tuned, InfraError where the machine fails."""
    request = read_request(context.params)
    workload = read_workload(request.workload)
    bench = open_bench(request, workload, folder=context.work_dir)
    result = await _Tuning(context, request, bench, workload).perform()
    await _keep(context, result)
    return Outcome(
        summary=result.answer,
        verdict=result.verdict,
        is_no=result.verdict in {"worse", "not shown"},
        result=result,
    )


class _Stage:
    """The progress of one step as a part of the run's."""

    def __init__(self, context: RunContext, begin: float, share: float, name: str) -> None:
        self._context, self._begin, self._share, self._name = context, begin, share, name

    def log(self, text: str) -> None:
        self._context.log(f"{self._name}: {text}")

    def advance(self, fraction: float, text: str = "") -> None:
        self._context.advance(self._begin + self._share * fraction, f"{self._name}: {text}" if text else self._name)


class _Tuning:
    def __init__(self, context: RunContext, request: TuneRequest, bench: Bench, workload: Workload) -> None:
        self.context, self.request, self.bench, self.workload = context, request, bench, workload
        self._begun = 0.0

    async def perform(self) -> TuneResult:
        base = await self._build("base", self.bench.build_base)
        trained = await (self._take_profile() if self.request.profile else self._train(base))
        tuned, use = await self._build_tuned(base, trained)
        rebuilt = await self._build("rebuilt", self.bench.rebuild_base)
        comparison = await self._compare(base, rebuilt, tuned)
        compiler = await self.bench.compiler()
        return await asyncio.to_thread(
            lambda: self._sum_up(base, tuned, trained=trained, use=use, comparison=comparison, compiler=compiler)
        )

    def _stage(self, name: str) -> _Stage:
        stage = _Stage(self.context, self._begun, SHARES[name], name)
        self._begun += SHARES[name]
        stage.advance(0.0)
        return stage

    async def _build(self, name: str, build: Callable[[_Stage], Awaitable[Kernel]]) -> Kernel:
        stage = self._stage(name)

        async def work() -> Built:
            kernel = await build(stage)
            return Built(image=str(kernel.image), source=kernel.source, sha256=kernel.sha256)

        built = msgspec.convert(await self.context.step(f"build {name}", work), Built)
        if not Path(built.image).exists():  # the cache was emptied since: the same is built again
            return await build(stage)
        return _read(built)

    async def _take_profile(self) -> Trained:
        """The profile of a bundle, for this tree and this compiler."""
        content = await asyncio.to_thread(read_file, Path(self.request.profile))
        bundle = await asyncio.to_thread(read_bundle, content, name=self.request.profile)
        await self.context.artifact(PROFILE, content, media_type="application/gzip")
        fitted = await self.bench.fit(bundle)
        lost = [f"{len(fitted.lost)} functions could not be followed to this tree"] if fitted.lost else []
        return Trained(profile=fitted.profile, left_out=lost)

    async def _train(self, base: Kernel) -> Trained:
        kernel = await self._build("instrumented", lambda stage: self.bench.build_instrumented(base, stage))
        stage = self._stage("train")

        async def work() -> TrainingRecord:
            packed = await self.bench.train(kernel, stage)
            artifact = await self.context.artifact(PROFILE, write_bundle(packed.bundle), media_type="application/gzip")
            return TrainingRecord(sha256=artifact.sha256, left_out=packed.left_out)

        kept = msgspec.convert(await self.context.step("train", work), TrainingRecord)
        for line in kept.left_out:
            self.context.log(f"left out: {line}", level="warning")
        content = self.context.site.artifacts.path(kept.sha256).read_bytes()
        bundle = await asyncio.to_thread(read_bundle, content, name=PROFILE)
        return Trained(profile=add_summary(bundle.profile), left_out=kept.left_out)

    async def _build_tuned(self, base: Kernel, trained: Trained) -> tuple[Kernel, ProfileUse]:
        stage = self._stage("tuned")
        flags = choose_flags(trained.profile, self.request.options)

        async def build() -> Built:
            tuned = await self.bench.build_tuned(base, trained.profile, flags, stage)
            kernel = tuned.kernel
            return Built(image=str(kernel.image), source=kernel.source, sha256=kernel.sha256, use=tuned.use)

        built = msgspec.convert(await self.context.step("build tuned", build), Built)
        if not Path(built.image).exists():
            built = await build()
        assert built.use is not None  # noqa: S101  for the type checker; build() sets it
        self.context.log(describe(built.use), level="info" if not built.use.quarantined else "warning")
        for use in built.use.quarantined:
            self.context.log(f"built without its profile: {use.object}: {use.reason}", level="warning")
        return _read(built), built.use

    async def _compare(self, base: Kernel, rebuilt: Kernel, tuned: Kernel) -> Comparison:
        begun, share = self._begun, SHARES["boots"]
        boots: dict[str, list[dict[str, Counts]]] = {"base": [], "rebuilt": [], "tuned": []}
        plan = [
            (name, kernel) for _ in range(self.request.boots) for name, kernel in (("base", base), ("tuned", tuned))
        ]
        plan.insert(1, ("rebuilt", rebuilt))
        for number, (name, kernel) in enumerate(plan):
            stage = _Stage(self.context, begun + share * number / len(plan), share / len(plan), f"boot {name}")

            seed = len(boots[name]) + 1  # the same for both kernels: their boots differ in the same ways

            async def work(kernel: Kernel = kernel, stage: _Stage = stage, seed: int = seed) -> PhaseCounts:
                return await self.bench.measure(kernel, seed=seed, progress=stage)

            counted = await self.context.step(f"boot {len(boots[name]) + 1} of {name}", work)
            boots[name].append(_take_counts(msgspec.convert(counted, PhaseCounts)))
        return compare_boots(
            **boots,
            trained={phase.name: phase.trained for phase in self.workload.phases},
            rebuilt_is_identical=base.sha256 == rebuilt.sha256,
        )

    def _sum_up(
        self,
        base: Kernel,
        tuned: Kernel,
        *,
        trained: Trained,
        use: ProfileUse,
        comparison: Comparison,
        compiler: str,
    ) -> TuneResult:
        before, after = (read_functions(_vmlinux(kernel), name=kernel.release) for kernel in (base, tuned))
        text = compare_text(before, after)
        return TuneResult(
            answer=write_answer(comparison, release=tuned.release, workload=self.workload.name),
            verdict=judge(comparison),
            source=base.source,
            config=self.request.config,
            workload=self.workload.name,
            board=self.bench.board,
            compiler=compiler,
            options=self.request.options,
            base=_record(base, text.text_before),
            tuned=_record(tuned, text.text_after),
            profile=describe_profile(trained.profile, trained.left_out),
            use=use,
            phases=comparison.phases,
            total=comparison.total,
            control=comparison.control,
            boots_base=comparison.boots_base,
            boots_rebuilt=comparison.boots_rebuilt,
            boots_tuned=comparison.boots_tuned,
            rebuilt_is_identical=comparison.rebuilt_is_identical,
            text=TextRecord(
                **{name: getattr(text, name) for name in text.__struct_fields__ if name != "functions"},
                functions=text.functions[:FUNCTIONS_KEPT],
            ),
            commands=[write_command(self.request)],
        )


def _take_counts(counted: PhaseCounts) -> dict[str, Counts]:
    return {
        phase.name: Counts(
            kernel_instructions=phase.kernel.instructions,
            taken_branches=phase.kernel.taken_branches,
            l1i_misses=phase.kernel.l1i_misses,
            user_instructions=phase.user.instructions,
        )
        for phase in counted.phases
    }


def _read(built: Built) -> Kernel:
    return read_kernel(Path(built.image), config=Path(built.image).parent / "config", source=built.source)


def _vmlinux(kernel: Kernel) -> bytes:
    return (kernel.image.parent / "vmlinux").read_bytes()


def _record(kernel: Kernel, text_bytes: int) -> KernelRecord:
    return KernelRecord(
        release=kernel.release,
        image=str(kernel.image),
        sha256=kernel.sha256,
        image_bytes=kernel.image.stat().st_size,
        text_bytes=text_bytes,
    )


async def _keep(context: RunContext, result: TuneResult) -> None:
    await context.artifact("report.txt", write_report(result).encode(), media_type="text/plain")
    await context.artifact("result.json", msgspec.json.encode(result), media_type="application/json")
    await context.measure(
        *(
            Measurement(name=name, value=value, unit="%", labels={"phase": phase.name})
            for phase in result.phases
            for name in ("kernel_instructions", "taken_branches", "l1i_misses")
            if (value := getattr(phase, name)) is not None
        )
    )

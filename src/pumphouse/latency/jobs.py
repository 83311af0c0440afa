# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run `latency.compare`: boots two kernels k times each, interleaved, and compares what they measured.

Each boot is a step that is kept, so a run that was cut off continues with the boots it has. The files of each boot
are artifacts named like `a1-cyclictest.json`; the comparison is judged from them, never from memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.core.jobs.context import RunContext
from pumphouse.core.jobs.job import Job, Jobs, Outcome, decode_params
from pumphouse.core.jobs.records import Measurement
from pumphouse.lab.board import BootResult, KernelFaultError, boot_with_retry
from pumphouse.lab.kernel import Kernel
from pumphouse.latency.bench import Bench, make_boot_job, open_bench, open_compared_kernel
from pumphouse.latency.domain.boot import BootEvidence, LoadEvidence, Side
from pumphouse.latency.domain.boot_files import read_clocks, read_load, read_status, read_threads
from pumphouse.latency.domain.compare import compare_boots
from pumphouse.latency.domain.comparison import Comparison
from pumphouse.latency.domain.report import write_report
from pumphouse.latency.domain.request import CompareRequest, check_request, pin_kernels, plan_boots, write_command
from pumphouse.latency.domain.validity import judge_boot
from pumphouse.latency.kinds import COMPARE, GUESS_S
from pumphouse.latency.picture import draw_picture

MEDIA_TYPES = {".json": "application/json", ".txt": "text/plain", ".png": "image/png"}


class KernelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which kernel a run compares, fixed at its first attempt."""

    release: str
    source: str
    sha256: str
    realtime: bool


class BootRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a boot's step keeps: its files by name, as SHA-256 in the artifact store, and what is not in a file."""

    files: dict[str, str] = {}
    wall_s: float = 0.0
    command: str = ""
    failure: str = ""


def jobs() -> Jobs:
    """The kinds of run of this part."""
    return {COMPARE: Job(kind=COMPARE, perform=perform_compare, guess_s=GUESS_S)}


def read_request(params: Mapping[str, Any]) -> CompareRequest:
    """The checked request in a run's parameters. Raises UserError."""
    request = decode_params(
        params,
        CompareRequest,
        kind=COMPARE,
        work="comparison",
        next_step="pumphouse latency compare --help tells what there is",
    )
    check_request(request)
    return request


async def perform_compare(context: RunContext) -> Outcome:
    """Boot, measure, judge. Raises UserError for what cannot be compared, InfraError where the machine fails."""
    request = read_request(context.params)
    if request.seed == 0:
        request = msgspec.structs.replace(request, seed=context.run_id)
    bench = open_bench(request)
    kernels = await _open_kernels(context, request)
    records = await _boot_all(context, request, bench, kernels)
    comparison = await asyncio.to_thread(_compare, context, request, bench, kernels, records)
    await _keep(context, request, comparison, records)
    return Outcome(
        summary=comparison.answer,
        verdict=comparison.verdict,
        is_no=comparison.verdict in {"worse", "mixed", "error"},
        result=comparison,
    )


async def _open_kernels(context: RunContext, request: CompareRequest) -> dict[Side, Kernel]:
    """Both kernels, the same as at the run's first attempt."""
    context.advance(0.0, "opens the kernels")
    a = await open_compared_kernel(request, request.a, progress=context)
    b = await open_compared_kernel(request, request.b, progress=context)
    kernels: dict[Side, Kernel] = {"a": a, "b": b}
    for side, kernel in kernels.items():
        now = KernelRecord(
            release=kernel.release, source=kernel.source, sha256=kernel.sha256, realtime=kernel.is_realtime
        )

        async def record(now: KernelRecord = now) -> KernelRecord:
            return now

        kept = msgspec.convert(await context.step(f"kernel {side}", record), KernelRecord)
        if kept != now:
            raise UserError(
                f"the kernel of side {side} is not the one with which this run began",
                where=kernel.source,
                why=f"it was {kept.source} ({kept.release}); boots of two kernels are not one side of a comparison",
                next_step="start a new comparison",
            )
        context.log(f"{side}: {kernel.release}, {kernel.source}")
    return kernels


async def _boot_all(
    context: RunContext, request: CompareRequest, bench: Bench, kernels: Mapping[Side, Kernel]
) -> list[tuple[Side, int, BootRecord]]:
    """A record of each boot, in the order of the plan; as many at a time as the board bears."""
    plan = plan_boots(request.boots, request.seed)
    slots = asyncio.Semaphore(bench.lab.at_once)
    done = 0

    async def boot(position: int, side: Side, number: int) -> tuple[Side, int, BootRecord]:
        nonlocal done
        name = f"{side}{number}"

        async def work() -> BootRecord:
            return await _boot(context, request, bench, kernels[side], name=name, position=position)

        async with slots:
            context.advance(done / len(plan), f"boots {kernels[side].release} ({position} of {len(plan)})")
            record = msgspec.convert(await context.step(f"boot {name}", work), BootRecord)
        done += 1
        context.advance(done / len(plan), f"{done} of {len(plan)} boots done")
        return side, number, record

    tasks = [asyncio.ensure_future(boot(place, side, number)) for place, (side, number) in enumerate(plan, 1)]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _boot(
    context: RunContext, request: CompareRequest, bench: Bench, kernel: Kernel, *, name: str, position: int
) -> BootRecord:
    job = make_boot_job(request, position=position)
    try:
        result = await boot_with_retry(bench.lab, kernel, job, progress=_Named(context, name))
    except KernelFaultError as error:
        context.log(f"{name}: {error.text.what}", level="warning")
        return BootRecord(failure=error.text.what)
    for warning in result.warnings:
        context.log(f"{name}: {warning}", level="warning")
    return BootRecord(files=await _keep_files(context, name, result), wall_s=result.wall_s, command=result.command)


async def _keep_files(context: RunContext, name: str, result: BootResult) -> dict[str, str]:
    kept = {}
    for file, content in [*sorted(result.files.items()), ("console.txt", result.console)]:
        media_type = MEDIA_TYPES.get(file[file.rfind(".") :], "application/octet-stream")
        artifact = await context.artifact(f"{name}-{file}", content, media_type=media_type)
        kept[file] = artifact.sha256
    return kept


def _compare(
    context: RunContext,
    request: CompareRequest,
    bench: Bench,
    kernels: Mapping[Side, Kernel],
    records: list[tuple[Side, int, BootRecord]],
) -> Comparison:
    boots = []
    for position, (side, number, record) in enumerate(records, 1):
        files = {
            file: context.site.artifacts.path(sha256).read_text(encoding="utf-8", errors="replace")
            for file, sha256 in record.files.items()
        }
        evidence = BootEvidence(
            side=side,
            number=number,
            position=position,
            kernel=kernels[side].release,
            expects_realtime=kernels[side].is_realtime,
            board=bench.board,
            request=request.measure,
            load=LoadEvidence(name=request.load),
            wall_s=record.wall_s,
            failure=record.failure,
        )
        boots.append(judge_boot(add_files(evidence, files)))
    return compare_boots(
        boots,
        limit_us=request.exposure_limit_us,
        source_a=kernels["a"].source,
        source_b=kernels["b"].source,
    )


def add_files(evidence: BootEvidence, files: Mapping[str, str]) -> BootEvidence:
    """The evidence with what a boot's files say (pumphouse.lab.measure names them)."""
    exit_code, messages = read_status(files.get("status.txt", ""))
    policy, priority = read_threads(files.get("threads.txt", ""))
    before, after = read_clocks(files.get("clocks.txt", ""))
    return msgspec.structs.replace(
        evidence,
        exit_code=exit_code,
        messages=messages,
        json_text=files.get("cyclictest.json", ""),
        histogram_text=files.get("cyclictest.txt", ""),
        thread_policy=policy,
        thread_priority=priority,
        clocksource_before=before,
        clocksource_after=after,
        load=read_load(evidence.load.name, files.get("load.txt", "")),
        console=files.get("console.txt", ""),
    )


async def _keep(
    context: RunContext,
    request: CompareRequest,
    comparison: Comparison,
    records: list[tuple[Side, int, BootRecord]],
) -> None:
    firsts = {side: record.command for side, _, record in reversed(records) if record.command}
    pinned = pin_kernels(request, source_a=comparison.a.source, source_b=comparison.b.source)
    commands = [write_command(pinned), *(firsts[side] for side in sorted(firsts))]
    await context.artifact("report.txt", write_report(comparison, commands=commands).encode(), media_type="text/plain")
    await context.artifact("comparison.json", msgspec.json.encode(comparison), media_type="application/json")
    picture = await asyncio.to_thread(draw_picture, comparison)
    await context.artifact("picture.png", picture, media_type="image/png")
    await context.measure(*list_measurements(comparison))


def list_measurements(comparison: Comparison) -> list[Measurement]:
    """The figures of each valid boot as measurements, labelled by kernel and boot."""
    return [
        Measurement(
            name=name, value=float(value), unit=comparison.unit, labels={"kernel": side.name, "boot": str(boot.number)}
        )
        for side in (comparison.a, comparison.b)
        for boot in side.boots
        for name, value in (
            ("p50", boot.p50_us),
            ("p99", boot.p99_us),
            ("p99.9", boot.p999_us),
            ("top-30 mean", boot.top_mean_us),
            ("max", boot.max_us),
        )
        if value is not None
    ]


class _Named:
    """The progress of one boot among several: its lines carry its name, and its share is told by the run."""

    def __init__(self, context: RunContext, name: str) -> None:
        self._context = context
        self._name = name

    def log(self, text: str) -> None:
        self._context.log(f"{self._name}: {text}")

    def advance(self, fraction: float, text: str = "") -> None:
        pass

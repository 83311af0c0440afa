# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a comparison tells of each boot and each kernel: figures, exposure, and what the reader should know besides."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pumphouse.core.histogram import Histogram, merge_histograms
from pumphouse.core.stats import bound_rate
from pumphouse.latency.domain.boot import Boot
from pumphouse.latency.domain.comparison import Bins, BootSummary, Exposure, SideSummary
from pumphouse.latency.domain.rule import TOP

CONFIDENCE = 0.95
UNEQUAL_LOAD = 1.25  # how far apart the loads of the two kernels may be before the reader is told


def summarise_side(boots: Sequence[Boot], *, limit_us: int, source: str) -> SideSummary:
    """One kernel with its boots in the order in which they ran; the invalid ones have checks and no latencies."""
    ordered = sorted(boots, key=lambda boot: boot.evidence.position)
    release = next((boot.release for boot in ordered if boot.release), ordered[0].evidence.kernel)
    valid = [boot.histogram for boot in ordered if boot.is_valid and boot.histogram is not None]
    return SideSummary(
        name=release,
        release=release,
        realtime=ordered[0].evidence.expects_realtime,
        source=source,
        boots=tuple(_summarise_boot(boot, limit_us) for boot in ordered),
        valid_boots=len(valid),
        exposure=find_exposure(valid, limit_us) if valid else None,
    )


def find_exposure(histograms: Sequence[Histogram], limit_us: int) -> Exposure:
    """How often the boots exceeded the limit, over cycles and over boots. Raises UserError as Histogram.count_above."""
    above = [histogram.count_above(limit_us) for histogram in histograms]
    cycles = merge_histograms(histograms).total
    return Exposure(
        limit_us=limit_us,
        cycles=cycles,
        cycles_above=sum(above),
        cycle_rate_below=bound_rate(sum(above), cycles, confidence=CONFIDENCE),
        boots=len(histograms),
        boots_above=sum(count > 0 for count in above),
        boot_rate_below=bound_rate(sum(count > 0 for count in above), len(histograms), confidence=CONFIDENCE),
    )


def _summarise_boot(boot: Boot, limit_us: int) -> BootSummary:
    evidence, histogram = boot.evidence, boot.histogram
    summary = BootSummary(
        number=evidence.number,
        position=evidence.position,
        valid=boot.is_valid,
        checks=boot.checks,
        cycles=boot.cycles,
        expected_cycles=boot.expected_cycles,
        missed_wakeups=boot.missed_wakeups,
        load_rounds=evidence.load.total_rounds,
        context_switches=evidence.load.context_switches,
        wall_s=evidence.wall_s,
    )
    if histogram is None or not boot.is_valid:
        return summary
    return msgspec.structs.replace(
        summary,
        p50_us=histogram.find_quantile(0.5).value,
        p99_us=histogram.find_quantile(0.99).value,
        p999_us=histogram.find_quantile(0.999).value,
        top_mean_us=histogram.average_top(TOP)[0],
        max_us=histogram.maximum,
        cycles_above_limit=histogram.count_above(limit_us),
        bins=Bins(
            latencies_us=histogram.values.tolist(),
            counts=histogram.counts.tolist(),
            overflow=histogram.overflow,
            width_us=histogram.width,
        ),
    )


def list_invalid(a: SideSummary, b: SideSummary) -> list[str]:
    """Each check that a boot did not pass, in a sentence."""
    return [
        f"boot {boot.number} of {side.name}: {check.name}: {check.seen}"
        for side in (a, b)
        for boot in side.boots
        for check in boot.checks
        if not check.passed
    ]


def list_notes(a: SideSummary, b: SideSummary, *, load: str) -> list[str]:
    """What a reader of the verdict must know besides: an unequal load, latencies that were not measured."""
    notes = []
    if load != "idle":
        means = [sum(boot.load_rounds for boot in side.boots if boot.valid) / side.valid_boots for side in (a, b)]
        if max(means) > UNEQUAL_LOAD * min(means):
            notes.append(
                f"the load did not get as far on both: {means[0]:.1f} rounds per boot on {a.name}, {means[1]:.1f} on "
                f"{b.name}; part of the difference may be the load's"
            )
    missed = [(side, sum(boot.missed_wakeups for boot in side.boots if boot.valid)) for side in (a, b)]
    notes += [
        f"{count:,} wake-ups were missed beside late ones on {side.name} and are in no percentile, which flatters it"
        for side, count in missed
        if count
    ]
    return notes

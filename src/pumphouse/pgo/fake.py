# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A model of compiler and board: `--board fake`. Nothing is compiled or booted; files have the real formats."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pumphouse.core.errors import UserError
from pumphouse.core.progress import Progress
from pumphouse.lab.kernel import Kernel, read_kernel
from pumphouse.pgo.build import TunedKernel
from pumphouse.pgo.collect import Packed
from pumphouse.pgo.domain.bundle import Bundle, SourceRecord, WorkloadRecord, make_bundle
from pumphouse.pgo.domain.counts import PhaseCount, PhaseCounts, SideCounts
from pumphouse.pgo.domain.fit import Fitted, fit_bundle
from pumphouse.pgo.domain.gcda import ARCS, Counters, FunctionCounts, Gcda
from pumphouse.pgo.domain.profile import Profile
from pumphouse.pgo.domain.usage import check_use, sum_up
from pumphouse.pgo.domain.workload import Workload

RELEASE = "6.1.0-model"
FUNCTIONS = {"schedule": 1200, "tcp_write_xmit": 4500, "do_exit": 900}
COMPILER = "gcc (model) 12.2.0"
SOURCE = "/usr/src/linux"


@dataclass(kw_only=True)
class FakeBench:
    """Kernels that need `gain_percent` fewer instructions in trained phases, and `loss_percent` more in the others."""

    folder: Path
    workload: Workload
    gain_percent: float = 5.8
    loss_percent: float = 0.0
    spread_percent: float = 0.02
    rebuilt_differs_percent: float = 0.0
    log: list[str] = field(default_factory=lambda: ["used kernel/sched/core.o 40 2", "used net/ipv4/tcp_output.o 9 0"])
    failure: UserError | None = None
    board: str = "a model; nothing was booted"

    async def compiler(self) -> str:
        """See Bench."""
        return COMPILER

    async def build_base(self, progress: Progress) -> Kernel:
        """See Bench."""
        progress.advance(1.0, "built")
        return self._write("base", FUNCTIONS)

    async def rebuild_base(self, progress: Progress) -> Kernel:
        """See Bench."""
        progress.advance(1.0, "built")
        return self._write("rebuilt" if self.rebuilt_differs_percent else "base", FUNCTIONS)

    async def build_instrumented(self, base: Kernel, progress: Progress) -> Kernel:  # noqa: ARG002  Bench's shape
        """See Bench."""
        progress.advance(1.0, "built")
        return self._write("instrumented", {**FUNCTIONS, "__gcov_init": 30})

    async def build_tuned(
        self,
        base: Kernel,  # noqa: ARG002  Bench's shape
        profile: Profile,
        flags: Mapping[str, str],
        progress: Progress,
    ) -> TunedKernel:
        """See Bench."""
        if self.failure is not None:
            raise self.failure
        progress.advance(1.0, f"built with {len(flags)} objects under other flags")
        use = sum_up(self.log, profile)
        check_use(use)
        hot = {"schedule": 1100, "tcp_write_xmit": 113, "tcp_write_xmit.cold": 4516}
        return TunedKernel(kernel=self._write("tuned", hot), use=use)

    async def train(self, kernel: Kernel, progress: Progress) -> Packed:  # noqa: ARG002  Bench's shape
        """See Bench."""
        progress.log("two counter files")
        return Packed(bundle=self._bundle(), left_out=["mm/mmap.gcda: it is cut off after 60 bytes"])

    async def fit(self, bundle: Bundle) -> Fitted:
        """See Bench."""
        return fit_bundle(bundle, source_path=SOURCE, gcda_version="B22*")

    async def measure(self, kernel: Kernel, *, seed: int, progress: Progress) -> PhaseCounts:
        """See Bench."""
        progress.advance(1.0, "counted")
        name = kernel.image.parent.name
        phases = []
        for number, phase in enumerate(self.workload.phases, 1):
            draw = random.Random(f"{seed} {number}")  # noqa: S311  the model's spread guards no secret
            share = {"tuned": -self.gain_percent if phase.trained else self.loss_percent}.get(name, 0.0)
            share += self.rebuilt_differs_percent if name == "rebuilt" else 0.0
            share += draw.uniform(-self.spread_percent, self.spread_percent)
            instructions = round(10_000_000 * number * (1 + share / 100))
            side = SideCounts(
                instructions=instructions, taken_branches=instructions // 9, l1i_misses=instructions // 70
            )
            phases.append(PhaseCount(name=phase.name, trained=phase.trained, kernel=side, user=side, guest_ns=1))
        return PhaseCounts(
            workload=self.workload.name,
            workload_sha256="",
            kernel=kernel.release,
            kernel_source=kernel.source,
            kernel_sha256=kernel.sha256,
            l1i_model="none",
            phases=tuple(phases),
        )

    def _bundle(self) -> Bundle:
        arcs = Counters(ARCS, (1000, 0, 7))
        profile = {
            name: Gcda(
                version="B22*",
                stamp=1,
                checksum=0,  # as kernels write it
                summary=None,
                functions=(FunctionCounts(ident=ident, lineno_checksum=1, cfg_checksum=2, counters=(arcs,)),),
            )
            for ident, name in enumerate(("kernel/sched/core", "net/ipv4/tcp_output"), 1)
        }
        return make_bundle(
            profile,
            {},
            compiler=COMPILER,
            config_sha256="",
            source=SourceRecord(identity="model", version=RELEASE, path=SOURCE),
            workload=WorkloadRecord(name=self.workload.name),
            duration_s=1.0,
        )

    def _write(self, name: str, functions: Mapping[str, int]) -> Kernel:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text("CONFIG_64BIT=y\n", encoding="utf-8")
        (folder / "vmlinux").write_bytes(write_elf(functions))
        (folder / "bzImage").write_bytes(write_image(RELEASE) + hashlib.sha256(name.encode()).digest())
        return read_kernel(folder / "bzImage", config=folder / "config", source="a model")


def write_image(release: str) -> bytes:
    """The header of a bzImage that names its release (Documentation/arch/x86/boot.rst)."""
    image = bytearray(0x400)
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x20E, 0x100)
    name = f"{release} (model)\0".encode()
    image[0x300 : 0x300 + len(name)] = name
    return bytes(image)


def write_elf(functions: Mapping[str, int]) -> bytes:
    """A 64-bit ELF file with nothing but a symbol table of these functions with their sizes (gABI, chapter 4)."""
    strings, symbols = bytearray(b"\0"), bytearray(24)
    for name, size in functions.items():
        symbols += struct.pack("<IBBHQQ", len(strings), 2, 0, 1, 0, size)
        strings += name.encode() + b"\0"
    at_symbols, at_strings = 64, 64 + len(symbols)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 0, at_strings + len(strings), 0, 64, 0, 0, 64, 3, 0
    )
    table = struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, at_symbols, len(symbols), 1, 0, 8, 24)
    text = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, at_strings, len(strings), 0, 0, 1, 0)
    return head + bytes(symbols) + bytes(strings) + table + text + bytes(64)

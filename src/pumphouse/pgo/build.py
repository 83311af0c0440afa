# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The four kernels of a tuning: the base, the base once more from nothing, the instrumented one, and the tuned one."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.core.progress import Progress
from pumphouse.lab.build import BuildSpec, Variant, build_kernel
from pumphouse.lab.kernel import Kernel
from pumphouse.pgo.domain.archive import pack_files
from pumphouse.pgo.domain.instrumentation import check_clean, check_instrumented
from pumphouse.pgo.domain.symbols import read_symbols
from pumphouse.pgo.domain.usage import ProfileUse, check_use, sum_up
from pumphouse.pgo.native import build_native
from pumphouse.pgo.profile_files import NOTES

BASE_FRAGMENTS = ("guest", "pgo")
GCOV_FRAGMENT = "gcov"
LOG = "profile-use.txt"  # kept with a tuned kernel: what became of each object's profile

BASE = Variant(name="pgo base")
REBUILD = Variant(name="pgo base", identity="rebuilt", is_once=True)


@dataclass(frozen=True, kw_only=True)
class TunedKernel:
    """A kernel built with a profile, and what became of the profile."""

    kernel: Kernel
    use: ProfileUse


def choose_spec(source: str, config: str) -> BuildSpec:
    """What to build for `--source` and `--config`: small, running, or a file. Raises UserError."""
    if config == "small":
        return BuildSpec(source=source, base="tinyconfig", fragments=BASE_FRAGMENTS)
    path = find_running_config() if config == "running" else Path(config)
    if not path.is_file():
        raise UserError(
            f"there is no configuration {config!r}",
            where=str(path),
            next_step="use --config small, or name a .config",
        )
    return BuildSpec(source=source, base=str(path.resolve()), fragments=("pgo",))


def find_running_config() -> Path:
    """The configuration of the running kernel. Raises UserError where it is not kept."""
    path = Path("/boot") / f"config-{platform.release()}"
    if not path.is_file():
        raise UserError(
            "the configuration of the running kernel is not kept here",
            where=str(path),
            next_step="name a file: --config FILE (zcat /proc/config.gz > FILE, where the kernel has it)",
        )
    return path


async def build_base(spec: BuildSpec, *, progress: Progress) -> Kernel:
    """The base. Raises UserError, InfraError."""
    return await build_kernel(spec, variant=BASE, progress=progress)


async def rebuild_base(spec: BuildSpec, *, progress: Progress) -> Kernel:
    """The base once more, from no object: what differs from the base by itself. Raises UserError, InfraError."""
    return await build_kernel(spec, variant=REBUILD, progress=progress)


async def build_instrumented(spec: BuildSpec, base: Kernel, *, progress: Progress) -> Kernel:
    """The base with counters at its branches. Raises UserError, InfraError."""
    kernel = await build_kernel(
        replace(spec, fragments=(*spec.fragments, GCOV_FRAGMENT)),
        variant=Variant(name="pgo gcov", collect=keep_notes),
        progress=progress,
    )
    check_instrumented(base.config, kernel.config)
    return kernel


async def build_tuned(
    spec: BuildSpec,
    base: Kernel,
    profile: Mapping[str, bytes],
    *,
    flags: Mapping[str, str],
    progress: Progress,
    compiler: str = "gcc",
) -> TunedKernel:
    """The base's source and configuration, built with a profile: .gcda by object name, more flags by object name.

    Raises UserError where no object used its profile or instrumentation is left, InfraError.
    """
    wrapper = await build_native("cc")

    def prepare(objects: Path) -> None:
        for name, content in profile.items():
            path = objects / f"{name}.gcda"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, words in flags.items():
            path = objects / f"{name}.pgo-flags"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(words, encoding="utf-8")
        (objects / LOG).unlink(missing_ok=True)

    def collect(objects: Path, kept: Path) -> None:
        log = objects / LOG
        (kept / LOG).write_bytes(log.read_bytes() if log.exists() else b"")

    variant = Variant(
        name="pgo tuned",
        identity=identify(profile, flags),
        variables=(f"CC={wrapper}",),
        env=(("PUMPHOUSE_CC", compiler), ("PUMPHOUSE_CC_LOG", f"{{objects}}/{LOG}")),
        prepare=prepare,
        collect=collect,
        is_once=True,
    )
    kernel = await build_kernel(spec, variant=variant, progress=progress)
    use = sum_up((kernel.image.parent / LOG).read_text(encoding="utf-8").splitlines(), profile)
    check_use(use)
    check_clean(kernel.config, read_symbols((kernel.image.parent / "vmlinux").read_bytes()), base=base.config)
    return TunedKernel(kernel=kernel, use=use)


def identify(profile: Mapping[str, bytes], flags: Mapping[str, str]) -> str:
    """What a profile and its flags are known by: SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for name in sorted(profile):
        digest.update(f"{name}\0{hashlib.sha256(profile[name]).hexdigest()}\0".encode())
    digest.update(msgspec.json.encode(sorted(flags.items())))
    return digest.hexdigest()


def keep_notes(objects: Path, kept: Path) -> None:
    """Keep the .gcno of all objects in one file: what names the functions of a profile, and checks it."""
    notes = {str(path.relative_to(objects)): path.read_bytes() for path in sorted(objects.rglob("*.gcno"))}
    (kept / NOTES).write_bytes(pack_files(notes))

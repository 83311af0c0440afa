# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Building kernels outside their trees, reproducibly, and never twice.

A built kernel is known by the tree's identity, the final .config and the compiler's version: the same three give the
same folder in the cache, with image, .config, build log and metadata.json. Objects are kept in one folder for each tree
and compiler, so that a change of configuration recompiles what it touches and no more; a tree with patches has one of
its own beside its working copy, so that the same holds for a change of a patch.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from pumphouse.core.artifacts import require_free_space
from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import InfraError, PumphouseError, UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.command import run_command
from pumphouse.lab.kconfig import BASES, check_config, merge_fragments, read_fragment
from pumphouse.lab.kernel import Kernel, read_kernel
from pumphouse.lab.patch import apply_patches, read_patch
from pumphouse.lab.toolchain import Toolchain, find_toolchain
from pumphouse.lab.tree import Tree, open_tree

NEEDED_BYTES = 2_000_000_000
OBJECTS_GUESS = 900  # of a small configuration; the last build's count is better, and used where there is one

# What would make two builds of the same differ (Documentation/kbuild/reproducible-builds.rst).
FIXED = (
    "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 2026",
    "KBUILD_BUILD_USER=pumphouse",
    "KBUILD_BUILD_HOST=pumphouse",
    "KBUILD_BUILD_VERSION=1",
)


@dataclass(frozen=True, kw_only=True)
class BuildSpec:
    """What to build: a tree (`deb:linux-source-6.1` or a folder), patches, a base configuration with fragments."""

    source: str
    patches: tuple[str, ...] = ()  # files, applied in this order
    base: str = "tinyconfig"  # one of BASES, or a file
    fragments: tuple[str, ...] = ("guest",)
    toolchain: str = "gcc"

    def __str__(self) -> str:
        """The specification that names this build; lab/open.py reads it."""
        words = [
            *(("patch", name) for name in self.patches),
            ("base", self.base),
            *(("config", name) for name in self.fragments),
            ("toolchain", self.toolchain),
        ]
        return f"src:{self.source}?{urlencode(words, safe='/')}"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way of compiling other than the ordinary one: with a profile, with instrumentation, once more from nothing."""

    name: str  # keeps its objects apart from those of other variants
    identity: str = ""  # what of it decides the result, such as a profile's hash; part of what the build is known by
    variables: tuple[str, ...] = ()  # for make's command line, after the toolchain's
    env: tuple[tuple[str, str], ...] = ()  # for the compiler; {objects} stands for their folder
    prepare: Callable[[Path], None] | None = None  # called with the folder of objects before anything is compiled
    collect: Callable[[Path, Path], None] | None = None  # called with the folders of objects and of what is kept
    is_once: bool = False  # its objects serve no other build: they are made from nothing, and removed afterwards


ORDINARY = Variant(name="")


class Metadata(msgspec.Struct, kw_only=True):
    """What is kept with a built kernel. `seconds` is None until the build has finished."""

    tree: str
    tree_identity: str
    tree_version: str
    toolchain: str
    config_sha256: str
    base: str
    fragments: list[str]
    command: list[str]
    variant: str = ""
    release: str = ""
    objects: int = 0
    seconds: float | None = None


def make_argv(tree: Path, objects: Path, toolchain: Toolchain, targets: Sequence[str], *, jobs: int) -> list[str]:
    """Kbuild's command line. Everything is on it: nothing depends on the environment."""
    return ["make", "-C", str(tree), f"O={objects}", "ARCH=x86_64", f"-j{jobs}", *toolchain.variables, *FIXED, *targets]


def build_key(tree: Tree, config: str, toolchain: Toolchain, variant: Variant = ORDINARY) -> str:
    """What a built kernel is known by."""
    parts = [tree.identity, config, toolchain.version, *FIXED]
    if variant != ORDINARY:
        parts += [variant.name, variant.identity, *variant.variables]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def build_kernel(
    spec: BuildSpec, *, variant: Variant = ORDINARY, progress: Progress | None = None, jobs: int | None = None
) -> Kernel:
    """The built kernel, from the cache where it was built before. Cancelling ends every process of the build.

    Beside its image lie vmlinux, System.map, config, build.log and metadata.json.

    Raises UserError for what cannot be configured or compiled, InfraError for missing tools, a full disk, or a killed
    or crashed compiler.
    """
    progress = progress or Silent()
    progress.advance(0.0, "opens the tree")
    tree = await open_tree(spec.source, progress=progress)
    patches = [read_patch(Path(name)) for name in spec.patches]
    toolchain = await find_toolchain(spec.toolchain)
    family = _family(tree, toolchain, variant, is_patched=bool(patches))
    objects = cache_dir("objects", family)
    require_free_space(objects, NEEDED_BYTES, purpose="building a kernel")
    with (objects / ".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if patches:
            tree = await apply_patches(tree, patches, cache_dir("patched", family), progress=progress)
        builder = _Builder(spec, tree, toolchain, variant, objects, jobs or os.cpu_count() or 1, progress)
        return await builder.build()


def _family(tree: Tree, toolchain: Toolchain, variant: Variant, *, is_patched: bool) -> str:
    """What builds have in common that share their objects."""
    parts = [tree.identity, toolchain.version, *(["with patches"] if is_patched else [])]
    if variant != ORDINARY:
        parts += [variant.name, *([variant.identity] if variant.is_once else [])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass
class _Builder:
    spec: BuildSpec
    tree: Tree
    toolchain: Toolchain
    variant: Variant
    objects: Path
    jobs: int
    progress: Progress

    async def build(self) -> Kernel:
        config = await self._configure()
        kept = cache_dir("kernels", build_key(self.tree, config, self.toolchain, self.variant))
        if not (kept / "bzImage").exists():
            await self._compile(config, kept)
        if self.variant.is_once:
            await asyncio.to_thread(shutil.rmtree, self.objects, ignore_errors=True)
        self.progress.advance(1.0, "built")
        return read_kernel(
            kept / "bzImage",
            config=kept / "config",
            source=f"{self.spec} of {self.tree.source}",
        )

    async def _configure(self) -> str:
        """Write the final .config and return it, checked against the fragments."""
        self.progress.advance(0.01, "configures")
        fragments = [read_fragment(name) for name in self.spec.fragments]
        target = self.objects / ".config"
        if self.spec.base in BASES:
            await self._make(self.spec.base)
            base = target.read_text(encoding="utf-8")
        else:
            base = read_fragment(self.spec.base).text
        target.write_text(merge_fragments(base, fragments), encoding="utf-8")
        await self._make("olddefconfig")
        final = target.read_text(encoding="utf-8")
        check_config(final, fragments, tree=self.tree.path)
        return final

    async def _compile(self, config: str, kept: Path) -> None:
        argv = self._argv("bzImage")
        if self.variant.prepare is not None:
            await asyncio.to_thread(self.variant.prepare, self.objects)
        metadata = Metadata(
            tree=self.tree.source,
            tree_identity=self.tree.identity,
            tree_version=self.tree.version,
            toolchain=self.toolchain.version,
            config_sha256=hashlib.sha256(config.encode()).hexdigest(),
            base=self.spec.base,
            fragments=list(self.spec.fragments),
            command=argv,
            variant=self.variant.name,
        )
        _write(kept / "config", config)
        _write(kept / "metadata.json", msgspec.json.encode(metadata).decode())
        began, expected, done = time.monotonic(), self._expected_objects(), 0

        def on_line(line: str) -> None:
            nonlocal done
            if re.match(r"  (CC|AS|LD|AR) ", line):
                done += 1
                self.progress.advance(min(0.99, 0.02 + 0.97 * done / max(expected, done)), line.strip())

        output = await self._make("bzImage", on_line=on_line, log=kept / "build.log")
        metadata.seconds, metadata.objects = round(time.monotonic() - began, 1), done
        for name in ("vmlinux", "System.map"):
            await asyncio.to_thread(shutil.copyfile, self.objects / name, kept / name)
        if self.variant.collect is not None:
            await asyncio.to_thread(self.variant.collect, self.objects, kept)
        image = (self.objects / "arch" / "x86" / "boot" / "bzImage").read_bytes()
        (kept / ".bzImage").write_bytes(image)
        (kept / ".bzImage").replace(kept / "bzImage")
        metadata.release = read_kernel(kept / "bzImage").release
        _write(kept / "metadata.json", msgspec.json.encode(metadata).decode())
        if done > OBJECTS_GUESS // 2:
            _write(self.objects / ".object-count", str(done))
        self.progress.log(
            f"built {metadata.release} in {metadata.seconds:.0f} s, {len(output.splitlines())} lines of log"
        )

    def _argv(self, target: str) -> list[str]:
        targets = [*self.variant.variables, target]
        return make_argv(self.tree.path, self.objects, self.toolchain, targets, jobs=self.jobs)

    async def _make(self, target: str, *, on_line: object = None, log: Path | None = None) -> str:
        env = {name: value.format(objects=self.objects) for name, value in self.variant.env}
        code, output = await run_command(self._argv(target), env=env, on_line=on_line, package="make")  # type: ignore[arg-type]
        if log is not None:
            _write(log, output + "\n")
        if code != 0:
            raise classify_failure(code, output, target=target, log=log)
        return output

    def _expected_objects(self) -> int:
        count = self.objects / ".object-count"
        return int(count.read_text(encoding="ascii")) if count.exists() else OBJECTS_GUESS


def classify_failure(code: int, output: str, *, target: str, log: Path | None) -> PumphouseError:
    """The error that a failed make stands for: whose fault it is decides whether trying again can help."""
    where = str(log) if log else f"make {target}"
    if code < 0 or re.search(r"(?:Killed|Terminated) *(?:signal|$)|fatal error: Killed", output, re.MULTILINE):
        return InfraError(
            "the build was killed",
            where=where,
            why=f"signal {-code}" if code < 0 else "the compiler was killed: memory?",
        )
    if "No space left on device" in output:
        return InfraError(
            "the disk is full", where=where, why="No space left on device", next_step="make room, then build again"
        )
    if crash := re.search(r"^.*internal compiler error.*$", output, re.MULTILINE):
        return InfraError(
            "the compiler crashed",
            where=where,
            why=crash[0].strip()[:300],
            next_step="build that file by itself to see whether it repeats, and report it to the compiler's makers",
        )
    if "is not clean, please run" in output:
        return UserError(
            "the source tree was built in before",
            where=where,
            why="kbuild refuses to build elsewhere from a tree that holds objects",
            next_step="make mrproper in the tree, or use a fresh one",
        )
    if error := re.search(r"^(\S+?):(\d+)(?::\d+)?: (?:fatal )?error: (.*)$", output, re.MULTILINE):
        return UserError(f"{error[1]}:{error[2]}: {error[3]}"[:300], where=where, why="the compiler refused it")
    lines = [line for line in output.splitlines() if line.strip()]
    said = next((line for line in lines if "***" in line or "rror" in line), lines[-1] if lines else "nothing")
    return UserError(f"make {target} failed", where=where, why=said.strip()[:300], next_step="read the log named above")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

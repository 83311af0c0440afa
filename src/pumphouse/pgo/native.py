# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The C programs of this part (native/pgo), compiled into the cache when they are first needed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import pumphouse
from pumphouse.core.cache import cache_dir
from pumphouse.core.doctor import find_program
from pumphouse.core.errors import InfraError
from pumphouse.lab.command import run_command

PROGRAMS = ("cc", "libcounts.so", "mark", "syscalls", "gcda")


def find_sources() -> Path:
    """The folder native/pgo: of the tree that this package is used from, or of an installed package.

    Raises InfraError where neither has it.
    """
    package = Path(pumphouse.__file__).parent
    for place in (package / "native" / "pgo", package.parents[1] / "native" / "pgo"):
        if (place / "Makefile").is_file():
            return place
    raise InfraError(
        "the sources of pgo's C programs are not here",
        where=str(package.parents[1] / "native" / "pgo"),
        why="this installation came without the folder native",
        next_step="use Pumphouse from its source tree: make setup",
    )


async def build_native(name: str) -> Path:
    """The compiled program, one of PROGRAMS, from the cache where the same sources were compiled before.

    Raises InfraError where the compiler is missing or refuses.
    """
    sources = find_sources()
    for tool, package in (("gcc", "gcc libc6-dev"), ("make", "make")):
        if find_program(tool) is None:
            raise InfraError(
                f"{tool} is not on this machine",
                why=f"{name} is compiled from native/pgo with it",
                next_step=f"sudo apt-get install {package}",
            )
    _, compiler = await run_command(["gcc", "--version"])
    digest = hashlib.sha256(compiler.splitlines()[0].encode())
    for path in sorted([sources / "Makefile", *sources.glob("**/*.[ch]")]):
        digest.update(f"{path.relative_to(sources)}\0".encode() + path.read_bytes() + b"\0")
    kept = cache_dir("native", digest.hexdigest()) / name
    if not kept.exists():
        await _compile(sources, kept)
    return kept


def make_argv(sources: Path, target: Path) -> list[str]:
    """The command that compiles one program to `target`."""
    return ["make", "-C", str(sources), "CC=gcc", f"OUT={target.parent}", str(target)]


async def _compile(sources: Path, kept: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=kept.parent, prefix=".building-"))
    try:
        argv = make_argv(sources, folder / kept.name)
        code, output = await run_command(argv, package="make")
        if code != 0:
            said = next((line for line in output.splitlines() if "rror" in line), output[-300:])
            missing_libc = "cannot find -lc" in output or "stdio.h: No such file" in output
            raise InfraError(
                f"{kept.name} could not be compiled",
                where=" ".join(argv),
                why=said.strip(),
                next_step="sudo apt-get install libc6-dev" if missing_libc else "run that command to see all it says",
            )
        (folder / kept.name).replace(kept)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Compilers for kernels: which one, and exactly which version, for that belongs to what a build is known by."""

from __future__ import annotations

from dataclasses import dataclass

from pumphouse.core.doctor import find_program
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.command import run_command

PACKAGES = {"gcc": "gcc", "clang": "clang lld llvm"}
TOOLS = {"make": "make", "flex": "flex", "bison": "bison", "bc": "bc", "ld": "binutils"}


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A compiler with the variables that make kbuild use it."""

    name: str
    version: str  # the first line that it tells of itself
    variables: tuple[str, ...]  # for make's command line


async def find_toolchain(name: str = "gcc") -> Toolchain:
    """The compiler of a name, ccache before it where that is installed. Raises UserError, InfraError."""
    if name not in PACKAGES:
        raise UserError(f"the toolchain {name!r} is not known", next_step=f"take one of: {', '.join(PACKAGES)}")
    for tool, package in {name: PACKAGES[name], **TOOLS}.items():
        if find_program(tool) is None:
            raise InfraError(
                f"{tool} is not on this machine",
                why="kernels are built with it",
                next_step=f"sudo apt-get install {package}",
            )
    _, output = await run_command([name, "--version"])
    compiler = f"ccache {name}" if find_program("ccache") else name
    variables = (f"CC={compiler}", *(["LLVM=1"] if name == "clang" else []))
    return Toolchain(name=name, version=output.splitlines()[0], variables=variables)

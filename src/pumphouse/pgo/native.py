# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The C programs of this part, compiled when they are needed and kept by content."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from pumphouse.core.cache import cache_dir
from pumphouse.core.doctor import find_program
from pumphouse.core.errors import InfraError

FOLDER = Path(__file__).parents[3] / "native" / "pgo"
FLAGS = ("-O2", "-Wall", "-Wextra")


def build_native(name: str) -> Path:
    """The program made of native/pgo/NAME.c, from the cache where it was made before. Raises InfraError."""
    source = FOLDER / f"{name}.c"
    compiler = find_program("gcc")
    if compiler is None:
        raise InfraError("gcc is not on this machine", why=f"{source.name} is compiled", next_step="sudo apt-get install gcc")
    digest = hashlib.sha256("\0".join(FLAGS).encode() + source.read_bytes()).hexdigest()
    program = cache_dir("native", digest) / name
    if not program.exists():
        unfinished = program.with_suffix(".unfinished")
        argv = [str(compiler), *FLAGS, "-o", str(unfinished), str(source)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise InfraError(f"{source.name} does not compile", where=str(source), why=done.stderr.strip()[:300])
        unfinished.replace(program)
    return program

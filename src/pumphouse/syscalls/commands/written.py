# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading specifications and writing series: what `add` and `extend` share with the file system."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.command import run_command

NOBODY = "Your Name <you@example.org>"


def read_text(path: Path) -> str:
    """A specification's text. Raises UserError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "the specification cannot be read",
            where=str(path),
            why=getattr(error, "strerror", None) or str(error),
            next_step="begin with the example: pumphouse syscalls add --example > call.toml",
        ) from error


def write_out(output: Path | None, files: Sequence[tuple[str, str]], *, quiet: bool) -> list[str]:
    """Write files into a folder; without one, the patches to standard output unless `quiet`. Returns their paths."""
    if output is None:
        if not quiet:
            sys.stdout.write("".join(text for name, text in files if name.endswith(".patch")))
        return []
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in files:
            (output / name).write_bytes(text.encode(errors="surrogateescape"))
    except OSError as error:
        raise UserError(
            "the patches cannot be written",
            where=str(output),
            why=error.strerror or str(error),
            next_step="name another folder with --output",
        ) from error
    return [str(output / name) for name, _ in files]


def name_author() -> tuple[str, str]:
    """NAME <ADDRESS> as git knows it, and the time as mail writes it."""
    try:
        code, said = asyncio.run(run_command(["git", "var", "GIT_AUTHOR_IDENT"], package="git"))
    except InfraError:
        code, said = 1, ""
    author = said.rpartition(">")[0] + ">" if code == 0 and ">" in said else NOBODY
    now = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp())), UTC)
    return author, format_datetime(now)

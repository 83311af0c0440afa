# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The patches that add sys_features() to a kernel: which there are, which is for a version, what files they bring."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pumphouse.core.errors import UserError

SUFFIX = "-sys_features.patch"


def list_series(folders: Iterable[Path]) -> dict[str, Path]:
    """The series by the version that they are for (6.1, 6.12), from the first of the folders that has any."""
    for folder in folders:
        found = {path.name.removesuffix(SUFFIX): path for path in sorted(folder.glob(f"*{SUFFIX}"))}
        if found:
            return found
    return {}


def choose_series(series: dict[str, Path], version: str) -> Path:
    """The series for a version: 6.1, 6.1.192, or 6.1.0-51-amd64. Raises UserError."""
    numbers = re.match(r"v?(\d+)\.(\d+)(?:[.-].*)?$", version.strip())
    if numbers and (path := series.get(f"{numbers[1]}.{numbers[2]}")):
        return path
    raise UserError(
        f"there is no patch for the kernel {version!r}",
        where="KERNEL",
        why="sys_features() was made for " + (", ".join(sorted(series)) or "none: native/patches is missing"),
        next_step="name one of those, or carry the nearest one over to your tree",
    )


def read_new_file(series: str, path: str) -> str:
    """The contents of a file that a series adds. Raises UserError where it adds none of that name."""
    start = re.search(rf"^--- /dev/null\n\+\+\+ b/{re.escape(path)}\n@@ -0,0 \+1(?:,\d+)? @@.*\n", series, re.MULTILINE)
    if start is None:
        raise UserError(
            f"the series adds no {path}", why="no diff in it is of that new file", next_step="look at its list of files"
        )
    lines = []
    for line in series[start.end() :].splitlines():
        if not line.startswith("+"):
            break
        lines.append(line[1:])
    return "\n".join(lines) + "\n"

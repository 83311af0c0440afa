# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Where a key stands in a TOML text: parsers do not keep lines, and errors need them."""

from __future__ import annotations

import re

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")
_TABLE = re.compile(r"^\s*\[\[?\s*([\w.\-]+)\s*\]\]?")


def find_line(text: str, path: str) -> int:
    """The line, from 1, of a path like `field[1].flags.NAME`; of the nearest that is there where it is not itself."""
    steps = [(name, int(index) if index else None) for name, index in _STEP.findall(path)]
    lines = text.split("\n")
    start, end, best = 0, len(lines), 1
    prefix: list[str] = []
    for depth, (name, index) in enumerate(steps):
        prefix.append(name)
        heads = _find_heads(lines, ".".join(prefix), start, end)
        if heads and (index or 0) < len(heads):
            start = heads[index or 0]
            best = start + 1
            end = next((line for line in heads if line > start), end)
            continue
        for line in range(start, end):
            if re.match(rf"^\s*{re.escape(name)}\s*=", lines[line]):
                return line + 1
            if depth == 0 and _TABLE.match(lines[line]):
                break
    return best


def _find_heads(lines: list[str], name: str, start: int, end: int) -> list[int]:
    found = []
    for number in range(start, end):
        match = _TABLE.match(lines[number])
        if match and match[1] == name:
            found.append(number)
    return found

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernel configurations from fragments, and the proof that the final one has what the fragments asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pumphouse.core.errors import UserError
from pumphouse.lab.kernel import parse_config

BASES = ("tinyconfig", "allnoconfig", "defconfig")
FOLDER = Path(__file__).parent / "kconfigs"


@dataclass(frozen=True)
class Fragment:
    """Symbols that a configuration must have; "n" stands for one that must not be set."""

    name: str
    text: str

    @property
    def wanted(self) -> dict[str, str]:
        """The symbols with the values asked for."""
        unset = re.findall(r"^# (CONFIG_\w+) is not set$", self.text, re.MULTILINE)
        return parse_config(self.text) | dict.fromkeys(unset, "n")


def list_fragments() -> list[str]:
    """The names of the fragments that ship with Pumphouse."""
    return sorted(path.stem for path in FOLDER.glob("*.config"))


def read_fragment(name: str) -> Fragment:
    """A fragment that ships with Pumphouse, by name, or one in a file, by path. Raises UserError."""
    path = FOLDER / f"{name}.config" if name in list_fragments() else Path(name)
    try:
        return Fragment(name, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"there is no configuration fragment {name!r}",
            where=str(path),
            why=error.strerror or str(error),
            next_step=f"name a file, or one of: {', '.join(list_fragments())}",
        ) from error


def merge_fragments(base: str, fragments: Sequence[Fragment]) -> str:
    """The text of a .config: the base's, then each fragment's; of a symbol set twice the last counts."""
    return "\n".join([base.rstrip("\n"), *(f"# {fragment.name}\n{fragment.text}" for fragment in fragments), ""])


def check_config(final: str, fragments: Sequence[Fragment], *, tree: Path | None = None) -> None:
    """Raise UserError naming the first symbol that the final .config has otherwise than the last fragment asked.

    kbuild itself only warns, or says nothing, when a dependency takes a symbol away.
    """
    has = parse_config(final)
    wanted = {symbol: (value, part.name) for part in fragments for symbol, value in part.wanted.items()}
    for symbol, (value, name) in wanted.items():
        got = has.get(symbol, "n")
        if got != value:
            raise UserError(
                f"{symbol}={value} did not survive: the configuration has {got}",
                where=f"fragment {name}",
                why=_depends(tree, symbol) or "a dependency is not met, or this tree has no such symbol",
                next_step="set what it depends on in the same fragment, or take it out",
            )


def _depends(tree: Path | None, symbol: str) -> str:
    """What a symbol's Kconfig entry says of its dependencies, empty where it is not found."""
    if tree is None:
        return ""
    head = re.compile(rf"^(?:menu)?config {symbol.removeprefix('CONFIG_')}$", re.MULTILINE)
    for path in tree.glob("**/Kconfig*"):
        text = path.read_text(encoding="utf-8", errors="replace")
        if found := head.search(text):
            entry = re.split(r"^(?:menu)?config |^endmenu|^menu ", text[found.end() :], maxsplit=1, flags=re.MULTILINE)[
                0
            ]
            needs = re.findall(r"^\s+depends on (.*)$", entry, re.MULTILINE)
            place = path.relative_to(tree)
            return f"{place}: depends on {' && '.join(needs)}" if needs else f"{place}: it depends on nothing itself"
    return f"this tree has no symbol {symbol.removeprefix('CONFIG_')}"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Load profiles: what a guest does besides being measured. Each is a TOML file in the folder `loads`.

A load that died makes a good-looking latency, so every loop writes one byte a round into a file of its own: the record
tells how many rounds each did while the measurement ran, which still live, and what the kernel counted meanwhile.
"""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from pumphouse.core.errors import UserError


class Loop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command that is run again and again. `programs` go into the image."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    command: str
    programs: tuple[str, ...] = ()


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"loops": "loop"}):
    """A load profile."""

    summary: str
    loops: tuple[Loop, ...] = ()
    name: str = ""

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs of all loops."""
        return tuple(dict.fromkeys(program for loop in self.loops for program in loop.programs))

    def start_script(self) -> str:
        """Shell lines that start every loop in the background, each leader of its own process group."""
        lines = ["mkdir -p /tmp/load"]
        for loop in self.loops:
            body = f"while :; do {loop.command} >/dev/null 2>&1; printf x >> /tmp/load/{loop.name}; done"
            lines += [f": > /tmp/load/{loop.name}", f"setsid sh -c {shlex.quote(body)} &", f"load_{loop.name}=$!"]
        return "\n".join(lines)

    def record_script(self, file: str) -> str:
        """Shell lines that append the state of the load to a file.

        `rounds NAME N` and `alive NAME` for each loop; `ctxt N`, `intr N`, `processes N` of the kernel (proc(5)).
        """
        lines = []
        for loop in self.loops:
            lines.append(f'echo "rounds {loop.name} $(wc -c < /tmp/load/{loop.name})" >> {file}')
            lines.append(f'kill -0 $load_{loop.name} 2>/dev/null && echo "alive {loop.name}" >> {file}')
        return "\n".join([*lines, f"grep -E '^(ctxt|intr|processes) ' /proc/stat | cut -d' ' -f1,2 >> {file}"])

    def stop_script(self) -> str:
        """Shell lines that end every loop with all it started."""
        return "\n".join(f"kill -9 -$load_{loop.name} 2>/dev/null" for loop in self.loops)


def list_loads() -> list[str]:
    """The names of the load profiles there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def read_load(name: str) -> Load:
    """The load profile of a name. Raises UserError naming those there are."""
    if name not in list_loads():
        raise UserError(
            f"there is no load {name!r}",
            where="--load",
            next_step=f"choose one of: {', '.join(list_loads())}",
        )
    table = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return msgspec.structs.replace(msgspec.convert(table, Load), name=name)


_FOLDER = Path(__file__).parent / "loads"

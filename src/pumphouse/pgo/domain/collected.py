# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What collect.sh brings from a machine: counters under the absolute paths of objects, made relative to their build."""

from __future__ import annotations

import os.path
from typing import NoReturn

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.archive import unpack_files

_HEAD = "pumphouse-collected 1"


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """Counter files by name relative to the build (`kernel/fork.gcda`), and those of objects from elsewhere."""

    files: dict[str, bytes]
    elsewhere: list[str]
    duration_s: float
    is_reset: bool


def read_collected(data: bytes, *, name: str, objects_path: str) -> Collected:
    """What lies in an archive of collect.sh, of the build whose objects were in the absolute folder `objects_path`.

    Raises UserError for what collect.sh did not write, and where nothing is of that build.
    """
    files = unpack_files(data, name=name)
    told = _read_facts(files.pop("collected", b""), name)
    prefix = "counters" + objects_path.rstrip("/") + "/"
    mine = {path.removeprefix(prefix): content for path, content in files.items() if path.startswith(prefix)}
    elsewhere = sorted(path.removeprefix("counters") for path in files if not path.startswith(prefix))
    if len(files) != told["files"]:
        _refuse(name, f"it holds {len(files)} files of counters instead of {told['files']}")
    if not mine:
        raise UserError(
            f"{name}: none of its {len(files)} files is of the build in {objects_path}",
            where=name,
            why=f"they are of objects in {os.path.commonpath(elsewhere) if elsewhere else 'no folder'}",
            next_step="name the build that runs there (--build), or the folder in which it was built (--objects)",
        )
    return Collected(
        files=mine, elsewhere=elsewhere, duration_s=float(told["duration_s"]), is_reset=bool(told["reset"])
    )


def _read_facts(data: bytes, name: str) -> dict[str, int]:
    lines = data.decode(errors="replace").splitlines()
    if not lines or lines[0] != _HEAD:
        _refuse(name, "it is not of collect.sh")
    told = {key: value for key, _, value in (line.partition(" ") for line in lines[1:])}
    try:
        return {
            "files": int(told["files"]),
            "duration_s": int(told["duration_s"]),
            "reset": ("no", "yes").index(told["reset"]),
        }
    except (KeyError, ValueError) as error:
        _refuse(name, "the file `collected` in it is damaged", why=str(error))


def _refuse(name: str, what: str, *, why: str = "") -> NoReturn:
    raise UserError(f"{name}: {what}", where=name, why=why, next_step="collect again with native/pgo/collect.sh")

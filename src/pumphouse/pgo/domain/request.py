# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked of `pumphouse pgo tune`, checked before anything is built."""

from __future__ import annotations

import shlex

import msgspec

from pumphouse.core.errors import UserError

BOARDS = ("qemu", "fake")
OPTIONS = {
    "o3-hot": "-O3 for the objects in which most of the counts lie",
    "o3": "-O3 for every object that has a profile",
}
HOT_SHARE = 0.99  # of all counts: the objects that hold it are hot


class TuneRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel to tune. `config` is small, running, or a file; `options` are names of OPTIONS."""

    source: str = "deb:linux-source-6.1"
    config: str = "small"
    workload: str = "redis"
    board: str = "qemu"
    boots: int = 3
    options: list[str] = []
    profile: str = ""  # a bundle to build with, instead of training


def check_request(request: TuneRequest) -> None:
    """Raise UserError for what cannot be done, naming the option."""
    if request.board not in BOARDS:
        raise UserError(
            f"the board {request.board!r} is not known",
            where="--board",
            why="kernels are trained and compared in QEMU only, so far; fake is a model",
            next_step=f"choose one of: {', '.join(BOARDS)}",
        )
    if not 2 <= request.boots <= 16:
        raise UserError(
            f"{request.boots} boots are not possible",
            where="--boots",
            why="the noise is the difference among boots of one kernel, so that two are the least",
            next_step="use --boots 2 to 16",
        )
    for option in request.options:
        if option not in OPTIONS:
            raise UserError(
                f"the option {option!r} is not known", where="--option", next_step=f"take one of: {', '.join(OPTIONS)}"
            )
    if len(set(request.options)) != len(request.options) or {"o3", "o3-hot"} <= set(request.options):
        raise UserError(
            f"these options do not go together: {', '.join(request.options)}",
            where="--option",
            next_step="o3 is for every object, o3-hot for the hot ones: take one",
        )


def write_title(request: TuneRequest) -> str:
    """What the run is called."""
    source = request.source.removeprefix("deb:")
    return f"Tune {source} ({request.config.rsplit('/', 1)[-1]} configuration) to {request.workload}"


def write_command(request: TuneRequest) -> str:
    """The shell command that asks for the same."""
    default = TuneRequest()
    words = []
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if value == getattr(default, name):
            continue
        if name == "options":
            words += [f"--option={shlex.quote(option)}" for option in value]
        else:
            words.append(f"--{name}={shlex.quote(str(value))}")
    return " ".join(["pumphouse pgo tune", *words])

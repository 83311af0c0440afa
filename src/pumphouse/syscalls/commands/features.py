# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls features`: the constants, the patches, and the question itself."""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import pumphouse
from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.lab.patch import patch_in_place, read_patch
from pumphouse.lab.tree import read_version
from pumphouse.syscalls.domain.features.catalogue import find_call, read_catalogue
from pumphouse.syscalls.domain.features.header import write_header
from pumphouse.syscalls.domain.features.series import choose_series, list_series
from pumphouse.syscalls.domain.features.text import describe_answer, write_call
from pumphouse.syscalls.kernel_features import Refusal, ask, look_for_call, number_of

features = App(name="features", help="The system call sys_features(): get it, ask it.")

PACKAGE = Path(pumphouse.__file__).parent
# In an installed package, and beside src/ in a checkout.
SERIES = list_series([PACKAGE / "native" / "patches", PACKAGE.parents[1] / "native" / "patches"])


@features.command
def show(
    *names: Annotated[str, Parameter(help="Calls to ask about. Without one: all that may be described.")],
    json: JsonOption = False,
) -> int:
    """Ask the running kernel what its system calls accept. Exits with 1 where it has no sys_features().

    Example: pumphouse syscalls features show openat2
    """
    catalogue = read_catalogue()
    calls = [find_call(catalogue, name) for name in names] or list(catalogue.values())
    release = platform.release()
    if missing := look_for_call():
        if json:
            print_json({"release": release, "sys_features": False, "error": missing, "calls": [], "silent": []})
        else:
            refused = "" if missing == "ENOSYS" else "; a seccomp filter may have refused it"
            print_lines([f"The running kernel ({release}) has no sys_features(): it answers {missing}{refused}."])
            say("`pumphouse syscalls features patch 6.12` prints the series that adds it")
        return 1
    described, silent = [], []
    for call in calls:
        number = number_of(call)
        answer = ask(number) if number is not None else Refusal("no number")
        if isinstance(answer, Refusal):
            silent.append({"call": call.name, "error": answer.error})
        else:
            described.append(describe_answer(call, answer))
    if json:
        print_json({"release": release, "sys_features": True, "error": "", "calls": described, "silent": silent})
    else:
        words = sum(len(call["words"]) for call in described)
        print_lines([f"The running kernel ({release}) describes {len(described)} calls, {words} words of flags."])
        for call_text in described:
            print_lines(["", *write_call(call_text)])
        if silent:
            print_lines(["", *(f"{entry['call']}: {entry['error']}" for entry in silent)])
    return 1 if names and silent else 0


@features.command
def header(*, output: Annotated[Path | None, Parameter(help="Write it to this file.")] = None) -> int:
    """Print the C header of feature constants, with the function that asks for them.

    Example: pumphouse syscalls features header > sysf.h
    """
    text = write_header(read_catalogue())
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"{output} written, {text.count('#define SYSF_')} constants")
    return 0


@features.command
def patch(
    kernel: Annotated[str, Parameter(help="The kernel's version: 6.1, 6.12, or a longer one.")] = "",
    *,
    tree: Annotated[Path | None, Parameter(help="Apply it in this tree, whose version then decides.")] = None,
    json: JsonOption = False,
) -> int:
    """Print the patch series that adds sys_features() to a kernel, or apply it.

    Example: pumphouse syscalls features patch 6.12 > sys_features.patch
    """
    version = read_version(tree) if tree else kernel
    if not version:
        raise UserError(
            "no kernel is named", where="KERNEL", next_step=f"name one of {', '.join(sorted(SERIES))}, or --tree DIR"
        )
    path = choose_series(SERIES, version)
    series = read_patch(path)
    if tree is not None:
        asyncio.run(patch_in_place(tree, [series]))
    if json:
        shown = {"series": path.stem, "messages": len(series.steps), "files": sorted(series.paths)}
        print_json({**shown, "applied_to": str(tree) if tree else None})
    elif tree is not None:
        print_lines([f"{path.stem} applied to {tree}: {len(series.steps)} patches, {len(series.paths)} files"])
    else:
        sys.stdout.write(path.read_text(encoding="utf-8"))
    return 0

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls header`: the prober as one C header."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, say
from pumphouse.syscalls.header import make_header


def header(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file. Else standard output.")] = None,
    call: Annotated[
        list[str] | None, Parameter(name="--call", help="A call to put in; may be repeated. Else all.", negative="")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Write the prober as one C99 header that needs no library; with PUMPHOUSE_PROBE_MAIN defined it is a program.

    Example: pumphouse syscalls header --call openat2 -o probe.h
    """
    text = make_header(call)
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(
                "the header cannot be written",
                where=str(output),
                why=error.strerror or str(error),
                next_step="name another file",
            ) from error
        say(f"{output} written; the program: gcc -static -DPUMPHOUSE_PROBE_MAIN -x c {output} -o probe")
    if json:
        print_json({"file": str(output) if output else None, "header": text})
    elif output is None:
        sys.stdout.write(text)
    return 0

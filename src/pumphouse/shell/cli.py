# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: the core's commands, and each part's under its own name, imported only when it is called."""

from __future__ import annotations

import importlib
import sys

from cyclopts import App, CycloptsError

from pumphouse import __version__
from pumphouse.core.errors import PumphouseError
from pumphouse.core.parts import Part, find_parts


def make_app(parts: list[Part]) -> App:
    """The app with the commands of the core and of the parts that are built."""
    app = App(
        name="pumphouse",
        help="Six systems, one core. `pumphouse up` starts a site; each part also works alone.",
        version=__version__,
        help_epilogue="Every command: pumphouse COMMAND --help. Exit codes: 0 done, 1 no or worse, 2 input, 3 machine.",
    )
    commands = "pumphouse.shell.commands"
    app.command(f"{commands}:up", name="up", help="Start the site: web server, worker, first runs.")
    app.command(f"{commands}:init", name="init", help="Make a site in a folder.")
    app.command(f"{commands}:check", name="check", help="Validate the settings of a site.")
    app.command("pumphouse.shell.runs:app", name="runs", help="List, show, follow, cancel and retry runs.")
    app.command("pumphouse.shell.people:app", name="people", help="List and add people, and make sign-in links.")
    app.command("pumphouse.lab.cli:app", name="lab", help="Get kernels, build them, and boot them.")
    app.command(f"{commands}:worker", name="worker", help="Execute runs, without a web server.")
    app.command("pumphouse.shell.doctor:doctor", name="doctor", help="Show what this machine can do.")
    app.command(f"{commands}:parts", name="parts", help="List the parts and whether they are built.")
    for part in parts:
        if part.cli:
            app.command(part.cli, name=part.name, help=part.summary[0].upper() + part.summary[1:] + ".")
    return app


def run_command(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Errors are told on standard error, bugs with their traceback."""
    app = make_app(find_parts())
    try:
        outcome = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return 2  # cyclopts has told what is wrong
    except PumphouseError as error:
        terminal = importlib.import_module("pumphouse.core.terminal")
        code: int = terminal.tell_error(error.text)
        return code
    except BrokenPipeError:
        return 0
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run_command(sys.argv[1:]))

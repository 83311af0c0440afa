# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls`: each command has its module in commands/, imported when it is called."""

from __future__ import annotations

from cyclopts import App

app = App(name="syscalls", help="Extensible system calls: check, make, ask, and since when.")
for name, command, words in (
    ("probe", "probe", "Ask the running kernel what its calls support."),
    ("header", "header", "Write the prober as one C header, or a program."),
    ("since", "since", "Tell which release brought a call, a size or a flag."),
    ("list", "list_calls", "List the system calls of a kernel tree."),
    ("lint", "lint", "Check a kernel tree's calls by the rules R1 to R12."),
    ("rule", "rule", "Show a rule of the conventions, with its examples."),
    ("add", "add", "Make the patches that add an extensible system call."),
    ("extend", "extend", "Make the patches that let a call's struct grow."),
    ("features", "features", "The system call sys_features(): get it, ask it."),
    ("database", "app", "Show and update the database of sizes and flags."),
):
    app.command(f"pumphouse.syscalls.commands.{name}:{command}", name=name, help=words)

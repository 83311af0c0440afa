# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls`: each command has its module in commands/, imported when it is called."""

from __future__ import annotations

from cyclopts import App

app = App(name="syscalls", help="Extensible system calls: check, make, ask.")
app.command("pumphouse.syscalls.commands.list:list_calls", name="list", help="List the system calls of a kernel tree.")
app.command(
    "pumphouse.syscalls.commands.lint:lint", name="lint", help="Check a kernel tree's calls by the rules R1-R12."
)
app.command(
    "pumphouse.syscalls.commands.features:features",
    name="features",
    help="The system call sys_features(): get it, ask it.",
)
app.command(
    "pumphouse.syscalls.commands.probe:probe", name="probe", help="Ask the running kernel what its calls support."
)
app.command(
    "pumphouse.syscalls.commands.header:header", name="header", help="Write the prober as one C header, or a program."
)
app.command(
    "pumphouse.syscalls.commands.add:add", name="add", help="Make the patches that add an extensible system call."
)
app.command(
    "pumphouse.syscalls.commands.extend:extend", name="extend", help="Make the patches that let a call's struct grow."
)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls`: each command is a module of its own, imported when it is called."""

from __future__ import annotations

from cyclopts import App

app = App(name="syscalls", help="Extensible system calls: what they support, since when, and the rules for them.")
app.command(
    "pumphouse.syscalls.commands.probe:probe", name="probe", help="Ask the running kernel what its calls support."
)
app.command(
    "pumphouse.syscalls.commands.header:header", name="header", help="Write the prober as one C header, or a program."
)
app.command(
    "pumphouse.syscalls.commands.since:since", name="since", help="Tell which release brought a call, a size or a flag."
)
app.command(
    "pumphouse.syscalls.commands.database:app", name="database", help="Show and update the database of sizes and flags."
)
app.command(
    "pumphouse.syscalls.commands.rule:rule", name="rule", help="Show a rule of the conventions, with its examples."
)

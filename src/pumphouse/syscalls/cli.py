# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls`: each command is a module of its own, imported when it is called."""

from __future__ import annotations

from cyclopts import App

app = App(name="syscalls", help="Extensible system calls: what the running kernel supports, and how to probe it.")
app.command(
    "pumphouse.syscalls.commands.probe:probe", name="probe", help="Ask the running kernel what its calls support."
)
app.command(
    "pumphouse.syscalls.commands.header:header", name="header", help="Write the prober as one C header, or a program."
)

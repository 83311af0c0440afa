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

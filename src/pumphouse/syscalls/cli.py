# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls`: the commands of the part, each imported when it is called."""

from __future__ import annotations

from cyclopts import App

app = App(name="syscalls", help="Lint, extend, ask and document extensible system calls.")

COMMANDS = "pumphouse.syscalls.commands"

app.command(f"{COMMANDS}.since:since", name="since", help="Tell which release brought a call, a size or a flag.")
app.command(f"{COMMANDS}.database:app", name="database", help="Show and update the database of sizes and flags.")
app.command(f"{COMMANDS}.rule:rule", name="rule", help="Show a rule of the conventions, with its examples.")

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo`: kernels tuned to a workload. Each command is a module in commands/."""

from __future__ import annotations

from cyclopts import App

app = App(name="pgo", help="Tune a kernel to a workload, and know that the gain is real.")
app.command("pumphouse.pgo.commands.tune:tune", name="tune", help="Build, train, rebuild, compare: the whole way.")
app.command("pumphouse.pgo.commands.profile:app", name="profile", help="Read, check, merge and compare profiles.")
app.command("pumphouse.pgo.commands.collect:collect", name="collect", help="Bundle the counters of a running machine.")
app.command("pumphouse.pgo.commands.workload:app", name="workload", help="List, show and try workloads.")

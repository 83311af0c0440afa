# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part syscalls."""

from pumphouse.core.parts import Part

part = Part(
    name="syscalls",
    summary="extensible system calls: lint, scaffold, sys_features(), probe",
    cli="pumphouse.syscalls.cli:app",
    doctor="pumphouse.syscalls.doctor:syscalls_checks",
    jobs="pumphouse.syscalls.jobs:jobs",
    routes="pumphouse.syscalls.web.pages:pages",
    cards="pumphouse.syscalls.web.pages:show_cards",
    first_runs="pumphouse.syscalls.kinds:queue_first_runs",
)

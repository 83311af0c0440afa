# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part latency."""

from pumphouse.core.parts import Part

part = Part(
    name="latency",
    summary="realtime-kernel CI: measures latency under load and judges honestly",
    cli="pumphouse.latency.cli:app",
    jobs="pumphouse.latency.jobs:jobs",
    routes="pumphouse.latency.web.pages:pages",
    cards="pumphouse.latency.web.pages:show_cards",
    first_runs="pumphouse.latency.kinds:queue_first_runs",
)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part pgo."""

from pumphouse.core.parts import Part

part = Part(
    name="pgo",
    summary="profile-guided optimisation of kernels: instrument, train, rebuild, compare honestly",
    cli="pumphouse.pgo.cli:app",
    jobs="pumphouse.pgo.jobs:jobs",
    routes="pumphouse.pgo.web.pages:pages",
    cards="pumphouse.pgo.web.pages:show_cards",
)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part pgo."""

from pumphouse.core.parts import Part

part = Part(
    name="pgo",
    summary="profile-guided optimisation of kernels with a figure that can be believed",
    cli="pumphouse.pgo.cli:app",
    jobs="pumphouse.pgo.jobs:jobs",
    routes="pumphouse.pgo.web.pages:pages",
    cards="pumphouse.pgo.web.pages:show_cards",
)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of run of the part, for its jobs, its commands and its pages."""

from __future__ import annotations

COMPARE = "latency.compare"
GUESS_S = 80.0  # of the default comparison, ten boots of 9 to 17 s, two at a time; told while there is no history

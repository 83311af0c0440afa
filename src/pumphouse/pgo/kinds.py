# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The kind of run of the part. Light: the web process imports it."""

TUNE = "pgo.tune"
GUESS_S = 1200.0  # from a clean cache on two cores; told while there is no history

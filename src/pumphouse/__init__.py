# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse: six systems, one core."""

__version__ = "0.1.0.dev0"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Probing: recipes, the plans made of them, the engine that runs a plan on a kernel, and its report."""

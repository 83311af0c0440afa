# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse mirror: an information display server that runs MagicMirror modules."""

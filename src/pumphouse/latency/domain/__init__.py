# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of latency: read what was measured, check that it was measured, compare, and say it. No I/O."""

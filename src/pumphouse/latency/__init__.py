# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse latency: realtime-kernel CI: measures latency under load and judges honestly."""

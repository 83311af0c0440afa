# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse packetlua: Lua policy on the packet path, compiled to verified BPF."""

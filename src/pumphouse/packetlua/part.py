# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part packetlua."""

from pumphouse.core.parts import Part

part = Part(
    name="packetlua",
    summary="Lua policy on the packet path, compiled to verified BPF",
    built=False,
)

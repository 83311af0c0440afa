# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part mirror."""

from pumphouse.core.parts import Part

part = Part(
    name="mirror",
    summary="an information display server that runs MagicMirror modules",
    built=False,
)

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The declaration of the part venue."""

from pumphouse.core.parts import Part

part = Part(
    name="venue",
    summary="the front end of an online conference: schedule, rooms, chat, presence, management",
    built=False,
)

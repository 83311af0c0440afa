# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a vendor's kernel was seen to have that the mainline release it is based on does not.

Recorded from what a probe saw on such a kernel, or from its headers. It is shown beside mainline's history and never
mixed into it, and a probe of the kernel that runs is always to be trusted more.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Difference(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One deviation: a call, size or flag beyond the base release, a bit that no header names, or a behaviour."""

    call: str
    kind: Literal["flag", "size", "call", "bit", "behaviour"]
    name: str  # the flag's name, the bit's value, the size in bytes, the behaviour in words
    word: str = ""
    mainline: str = ""  # since when mainline has it, where it is known


class Backport(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was seen of one package of one vendor: its base release, the date, the evidence, and how it deviates."""

    vendor: str
    version: str
    base: str
    seen: str  # date
    kernel: str = ""
    evidence: str = ""
    difference: list[Difference] = []


class BackportFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of data/backports."""

    backport: list[Backport] = []

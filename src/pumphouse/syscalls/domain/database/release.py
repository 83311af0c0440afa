# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernel versions as tags name them (v5.12-rc4, v6.1, v6.1.192), their order, and the release that each belongs to."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from pumphouse.core.errors import UserError

_TAG = re.compile(r"v?(\d{1,3})\.(\d{1,4})(?:\.(\d{1,5}))?(?:-rc(\d{1,3}))?(?![\d.])")
_NEEDS_THREE = 2  # before 3.0 a release had three numbers: 2.6.31


class Tag(NamedTuple):
    """A version, in the order in which versions come: 5.12-rc1 < 5.12-rc8 < 5.12 < 5.12.1 < 5.13-rc1."""

    major: int
    minor: int
    middle: int  # the third number of 2.6.x, else 0
    candidate: float  # infinity for what is no candidate
    patch: int  # of a stable version, else 0

    @property
    def release(self) -> str:
        """The mainline release that it leads to or comes from: "5.12", "2.6.31"."""
        return f"{self.major}.{self.minor}" + (f".{self.middle}" if self.major == _NEEDS_THREE else "")

    @property
    def is_stable(self) -> bool:
        """Whether it comes from a stable branch, which may carry backports."""
        return self.patch > 0


@functools.lru_cache(maxsize=1024)
def read_tag(text: str) -> Tag:
    """The tag or release in a text; what follows a version ("-rc4-dirty", "-51-amd64") is not looked at.

    Raises UserError where there is no version.
    """
    found = _TAG.match(text.strip())
    if not found:
        raise UserError(
            f"{text!r} is not a kernel version",
            why="a version is like v6.12, v5.12-rc4 or 6.1.192",
            next_step="name the release that the headers belong to",
        )
    major, minor, third, candidate = (int(part) if part else 0 for part in found.groups())
    middle, patch = (third, 0) if major == _NEEDS_THREE else (0, third)
    return Tag(major, minor, middle, float("inf") if found[4] is None else candidate, patch)


def earlier(one: str, other: str) -> str:
    """The earlier of two versions; an empty text is no version."""
    if not one or not other:
        return one or other
    return one if read_tag(one) <= read_tag(other) else other


def later(one: str, other: str) -> str:
    """The later of two versions; an empty text is no version."""
    if not one or not other:
        return one or other
    return one if read_tag(one) >= read_tag(other) else other

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A kernel's release as numbers."""

from __future__ import annotations

import re


def read_release(text: str) -> tuple[int, int]:
    """The first two numbers of a release (`6.18.44-rt` gives 6 and 18); 0 and 0 where there are none."""
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)

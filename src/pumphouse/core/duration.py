# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""How long something took, and how long it still takes."""

from __future__ import annotations


def time_left_s(progress: float, elapsed_s: float, expected_s: float | None) -> float | None:
    """How long a run still takes: from its own pace once a tenth is done, before that from history, else None."""
    if progress > 0.1:
        return elapsed_s * (1 - progress) / progress
    return max(0.0, expected_s - elapsed_s) if expected_s else None


def format_duration(seconds: float) -> str:
    """Seconds as people write them: 0.4 s, 48 s, 3 min 12 s, 2 h 05 min."""
    if 0 < seconds < 9.95:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"

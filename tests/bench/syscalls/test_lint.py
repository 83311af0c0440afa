# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a whole lint costs in processor time, beside the floor: grep for SYSCALL_DEFINE over the same folders.

Both are measured as processor time of a process of their own, in turn, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kernel_sources import find_source
from pumphouse.syscalls.domain.tree.kernel import CODE_FOLDERS

pytestmark = pytest.mark.bench

ROUNDS = 5


def cpu_s(argv, folder):
    """Processor seconds, user and system, of a process and its children."""
    before = os.times()
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.parametrize("series", ["6.1", "6.12"])
def test_a_whole_lint_beside_a_grep_over_the_same_folders(series):
    folder = find_source(series)
    lint = [sys.executable, "-m", "pumphouse.shell", "syscalls", "lint", "."]
    grep = ["grep", "-rl", "--include=*.c", "--include=*.S", "--include=*.tbl", "SYSCALL_DEFINE", "arch", *CODE_FOLDERS]
    pairs = [(cpu_s(lint, folder), cpu_s(grep, folder)) for _ in range(ROUNDS)]
    ratios = sorted(mine / floor for mine, floor in pairs)
    lints = sorted(mine for mine, _ in pairs)
    greps = sorted(floor for _, floor in pairs)
    print(
        f"\n{series}: lint {lints[ROUNDS // 2]:.2f} s of processor time ({lints[0]:.2f} to {lints[-1]:.2f}), "
        f"grep {greps[ROUNDS // 2]:.2f} s ({greps[0]:.2f} to {greps[-1]:.2f}), "
        f"ratio {ratios[ROUNDS // 2]:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    )
    assert len(pairs) == ROUNDS

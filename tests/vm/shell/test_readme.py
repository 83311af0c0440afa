# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of the README, run as they are written, on a site of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from built_kernels import skip_unless_built
from pumphouse.core.site import create_site

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None, reason="no QEMU: sudo apt-get install qemu-system-x86 (make setup)"
    ),
]

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]


def test_the_readme_begins_with_the_one_command():
    assert COMMANDS[0] == "make up"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(".venv/bin/pumphouse")])
def test_each_command_works_as_written(command, tmp_path):
    if "src:" in command:
        skip_unless_built("6.1", ["guest"])
    create_site(tmp_path / "site")
    done = subprocess.run(
        ["sh", "-c", command.replace(".venv/bin/pumphouse", str(ROOT / ".venv/bin/pumphouse"))],
        cwd=tmp_path,
        env={**os.environ, "PUMPHOUSE_SITE": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    # Debian's 6.1 has calls against the conventions: the answer is no.
    assert done.returncode == (1 if " lint " in command else 0), done.stderr
    if "--png" in command:
        assert (tmp_path / "rt.png").read_bytes().startswith(b"\x89PNG")
        assert "is better under stress" in done.stdout

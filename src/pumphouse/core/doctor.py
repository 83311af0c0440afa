# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What this machine can do: checks that core, lab and parts declare, each with who needs it and the remedy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import PumphouseError

Grade = Literal["ok", "limited", "missing"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found: `detail` is the version or the reason."""

    grade: Grade
    detail: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """A check with what it found; `remedy` is empty where nothing is to be done."""

    name: str
    needed_by: str
    purpose: str
    grade: Grade
    detail: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something that a machine may lack. `look` takes at most some seconds and changes nothing."""

    name: str
    needed_by: str  # core, lab, or parts by name
    purpose: str
    look: Callable[[], Finding]
    remedy: str


def diagnose(check: Check) -> Diagnosis:
    """Look once. A check that fails by an error finds its thing missing, with the error as the reason."""
    try:
        finding = check.look()
    except (PumphouseError, OSError, subprocess.SubprocessError) as error:
        finding = Finding(grade="missing", detail=str(error).splitlines()[0])
    return Diagnosis(
        name=check.name,
        needed_by=check.needed_by,
        purpose=check.purpose,
        grade=finding.grade,
        detail=finding.detail,
        remedy="" if finding.grade == "ok" else check.remedy,
    )


def program_check(
    *,
    name: str,
    needed_by: str,
    purpose: str,
    package: str,
    programs: Sequence[str] | None = None,
    version_argument: str = "--version",
) -> Check:
    """A check for programs of a Debian package: found on the path, with what the first one says of its version."""
    wanted = programs or [name]

    def look() -> Finding:
        lost = [program for program in wanted if find_program(program) is None]
        if lost:
            return Finding(grade="missing", detail=f"not found: {', '.join(lost)}")
        first = find_program(wanted[0])
        return Finding(grade="ok", detail=_version([str(first), version_argument]) if version_argument else str(first))

    return Check(name=name, needed_by=needed_by, purpose=purpose, look=look, remedy=f"sudo apt-get install {package}")


def find_program(name: str) -> Path | None:
    """A program on the path or in the sbin folders, which an ordinary account's path lacks on Debian."""
    path = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    return Path(path) if path else None


def _version(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip()[:70] if lines else argv[0]


def core_checks() -> list[Check]:
    """What the core needs."""
    return [
        Check(
            name="Python",
            needed_by="core",
            purpose="runs Pumphouse",
            look=lambda: Finding(
                grade="ok" if sys.version_info >= (3, 11) else "missing", detail=sys.version.split()[0]
            ),
            remedy="install Python 3.11 or newer",
        ),
        Check(
            name="disk",
            needed_by="core",
            purpose="kernels, builds and artifacts",
            look=_disk,
            remedy="make room, or point PUMPHOUSE_CACHE to a larger disk",
        ),
        Check(
            name="PostgreSQL",
            needed_by="core",
            purpose="the database for more than one machine; SQLite serves one",
            look=_postgresql,
            remedy="sudo apt-get install postgresql",
        ),
        program_check(
            name="Chromium",
            needed_by="core",
            purpose="the browser tests, and pictures of a display",
            package="chromium",
            programs=["chromium"],
        ),
    ]


def _disk() -> Finding:
    folder = cache_dir()
    free_gb = shutil.disk_usage(folder).free / 1e9
    grade: Grade = "ok" if free_gb >= 10 else "limited" if free_gb >= 2 else "missing"
    return Finding(grade=grade, detail=f"{free_gb:.0f} GB free for {folder}; a kernel build takes 2 to 10 GB")


def _postgresql() -> Finding:
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not servers:
        return Finding(grade="missing", detail="no server in /usr/lib/postgresql")
    return Finding(grade="ok", detail=_version([str(servers[-1]), "--version"]))

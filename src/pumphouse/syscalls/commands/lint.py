# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse syscalls lint`: check a kernel tree, or a patch for it, by the rules R1 to R12."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pumphouse import __version__
from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.lab.command import run_command
from pumphouse.syscalls.commands.opened import find_folder, shown
from pumphouse.syscalls.domain.btf import read_btf
from pumphouse.syscalls.domain.lint import choose_rules, make_baseline, read_baseline
from pumphouse.syscalls.domain.lint import lint as lint_files
from pumphouse.syscalls.domain.patch import Applied, apply_patches, read_patch
from pumphouse.syscalls.domain.report import write_report, write_sarif
from pumphouse.syscalls.domain.tree.files import Files, FolderFiles, OverlaidFiles


def lint(
    tree: str,
    *,
    diff: Annotated[str, Parameter(help="A patch (diff or mbox), or a git revision: report only what it brings.")] = "",
    rules: Annotated[str, Parameter(help="Only these, such as R1,R4.")] = "",
    legacy: Annotated[bool, Parameter(negative="", help="Show findings in calls older than the conventions.")] = False,
    baseline: Annotated[Path | None, Parameter(help="Findings that are known and not told again.")] = None,
    write_baseline: Annotated[Path | None, Parameter(help="Write all findings of this run as a baseline.")] = None,
    btf: Annotated[Path | None, Parameter(help="A vmlinux of this tree, or raw BTF: compare struct layouts.")] = None,
    sarif: Annotated[bool, Parameter(negative="", help="Print SARIF 2.1.0, for code review systems.")] = False,
    json: JsonOption = False,
) -> int:
    """Check the system calls of a kernel tree against the conventions for extensible ones, without building it.

    TREE is the top folder of a kernel source tree, or deb:PACKAGE. Nothing is written in it. Exits with 1 where an
    error is found that the baseline does not know.

    Example: pumphouse syscalls lint deb:linux-source-6.1
    """
    if sarif and json:
        raise UserError("one form at a time", where="--json --sarif", next_step="leave out one of them")
    chosen = choose_rules(rules)
    known = read_baseline(_read(baseline), where=str(baseline)) if baseline else None
    types = read_btf(btf) if btf else None
    folder = find_folder(tree)
    files: Files = FolderFiles(folder)
    patch = None
    if diff:
        files, patch = _open_patch(folder, diff)
    with shown("reading") as progress:
        report = lint_files(files, name=tree, rules=chosen, btf=types, patch=patch, baseline=known, progress=progress)
    if write_baseline:
        write_baseline.write_bytes(msgspec.json.format(msgspec.json.encode(make_baseline(report)), indent=1) + b"\n")
        say(f"{write_baseline}: {len(report.findings)} findings")
    if json:
        print_json(report)
    elif sarif:
        print_json(write_sarif(report, version=__version__))
    else:
        print_lines(write_report(report, is_patch=patch is not None, legacy=legacy))
    return 0 if report.is_clean else 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            "a file cannot be read", where=str(path), why=error.strerror or "", next_step="name one that exists"
        ) from error


def _open_patch(folder: Path, diff: str) -> tuple[Files, Applied]:
    """The files before a patch, and the patch applied. A revision is compared with the tree as it stands."""
    files = FolderFiles(folder)
    if Path(diff).is_file():
        return files, apply_patches(files, read_patch(_read(Path(diff)), where=diff), where=diff)
    if not (folder / ".git").exists():
        raise UserError(
            "there is no such patch",
            where=f"--diff {diff}",
            why="the file does not exist, and the tree is no git repository that could know a revision",
            next_step="name a patch file",
        )
    code, output = asyncio.run(
        run_command(["git", "-C", str(folder), "diff", "--no-color", "--no-ext-diff", "-R", diff, "--"], package="git")
    )
    if code != 0:
        raise UserError(
            "the patch is neither a file nor a revision of the tree",
            where=f"--diff {diff}",
            why=(output.strip().splitlines() or [f"git ended with {code}"])[-1],
            next_step="name a patch file, or a revision that `git log` in the tree knows",
        )
    if not output.strip():
        raise UserError(
            "nothing differs from that revision", where=f"--diff {diff}", next_step="name an earlier revision"
        )
    # The reversed diff makes the old tree of the one that stands there; what changed is the other way round.
    undone = apply_patches(files, read_patch(output.encode(), where=diff), where=diff)
    before = OverlaidFiles(files, undone.files)
    return before, Applied({path: files.read(path) for path in undone.files}, {})

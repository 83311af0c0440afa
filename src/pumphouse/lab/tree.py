# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernel source trees: a folder, or Debian's source package, with an identity by content."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pumphouse.core.artifacts import require_free_space
from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.command import run_command
from pumphouse.lab.deb import download, find_package, unpack

NEEDED_BYTES = 2_500_000_000  # the package, its tarball, and the unpacked tree


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A source tree. Nothing of ours ever writes in it. Equal identities have equal contents."""

    path: Path
    version: str  # 6.1.192, from its Makefile
    identity: str
    source: str  # the specification that gave it


async def open_tree(specification: str, *, progress: Progress | None = None) -> Tree:
    """The tree that a specification names: `deb:linux-source-6.1`, or a folder.

    A package is known by its SHA-256. A folder is known by its git tree where it is a clean checkout, and otherwise by
    the names, sizes and times of its files. Raises UserError, InfraError.
    """
    kind, colon, name = specification.partition(":")
    if colon and kind == "deb":
        return await _open_package(name, progress or Silent())
    path = Path(specification).resolve()
    version = read_version(path)
    return Tree(path=path, version=version, identity=await _identify(path), source=str(path))


def read_version(path: Path) -> str:
    """The version in a tree's Makefile. Raises UserError where the folder is not a kernel tree."""
    makefile = path / "Makefile"
    fields: dict[str, str] = dict(
        re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", _head(makefile), re.MULTILINE)
    )
    if "VERSION" not in fields or not (path / "Kconfig").is_file():
        raise UserError(
            f"{path} is not a kernel source tree",
            where=str(makefile),
            why="there is no Makefile with VERSION, or no Kconfig",
            next_step="name the top folder of a tree, or deb:linux-source-6.1",
        )
    numbers = [fields[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if fields.get(key)]
    return ".".join(numbers) + fields.get("EXTRAVERSION", "")


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(2000)
    except OSError:
        return ""


async def _identify(path: Path) -> str:
    if (path / ".git").exists():
        code, changes = await run_command(["git", "-C", str(path), "status", "--porcelain"], package="git")
        if code == 0 and not changes:
            _, tree = await run_command(["git", "-C", str(path), "rev-parse", "HEAD^{tree}"], package="git")
            return f"git:{tree.strip()}"
    return f"files:{await asyncio.to_thread(_hash_listing, path)}"


def _hash_listing(path: Path) -> str:
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(files):
            status: os.stat_result = os.lstat(os.path.join(folder, name))  # noqa: PTH118  80,000 files: Path costs seconds
            place = os.path.relpath(folder, path)
            digest.update(f"{place}/{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="replace"))
    return digest.hexdigest()


async def _open_package(name: str, progress: Progress) -> Tree:
    package = await find_package(name)
    folder = cache_dir("sources", package.sha256)
    tree = folder / "tree"
    if not tree.exists():
        require_free_space(folder, NEEDED_BYTES, purpose=f"the sources of {package.name}")
        progress.log(f"downloading {package.name} {package.version}")
        deb = await download(package, folder)
        await asyncio.to_thread(unpack, deb, folder, ("./usr/src/",))
        await _unpack_tarball(folder, tree, progress)
        deb.unlink()
        shutil.rmtree(folder / "usr")
    version = read_version(tree)
    return Tree(
        path=tree, version=version, identity=f"deb:{package.sha256}", source=f"deb:{package.name} {package.version}"
    )


async def _unpack_tarball(folder: Path, tree: Path, progress: Progress) -> None:
    """Unpack the package's tarball beside, then put it in place: a half unpacked tree is never used."""
    tarballs = sorted((folder / "usr" / "src").glob("linux-source-*.tar.*"))
    if not tarballs:
        raise UserError(
            "this package has no kernel sources",
            where=str(folder),
            why="there is no usr/src/linux-source-*.tar.xz in it",
            next_step="name deb:linux-source-6.1",
        )
    progress.log(f"unpacking {tarballs[0].name}")
    incoming = Path(tempfile.mkdtemp(dir=folder, prefix=".incoming-"))
    try:
        argv = ["tar", "--extract", "--file", str(tarballs[0]), "--directory", str(incoming), "--strip-components=1"]
        code, output = await run_command(argv, package="tar xz-utils")
        if code != 0:
            raise InfraError(
                "the kernel sources could not be unpacked",
                where=str(tarballs[0]),
                why=output.splitlines()[-1] if output else f"exit status {code}",
                next_step="make room on the disk, then try again",
            )
        incoming.rename(tree)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)

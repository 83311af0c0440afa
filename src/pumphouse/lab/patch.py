# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Source trees with patches: a working copy in the cache that changes as little as a change of the patches asks.

A file keeps its time unless its contents change, so that kbuild recompiles what a new version of a patch touches and
no more. The original is never written to: what comes from a package is hard-linked, and patched files are new ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import msgspec

from pumphouse.core.artifacts import require_free_space
from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.command import run_command
from pumphouse.lab.tree import Tree, read_version

NEEDED_BYTES = 1_500_000_000  # a copy of a tree that cannot be linked

# git-format mail: each message of a series begins so; diffs of one file in two of them are steps, not alternatives.
_MESSAGE = re.compile(r"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$", re.MULTILINE)
_HEADER = re.compile(r"^--- (\S+).*\n\+\+\+ (\S+)", re.MULTILINE)
_NAMES = re.compile(r"^(?:rename|copy) (?:from|to) (.+)$", re.MULTILINE)
_GIT = re.compile(r"^diff --git a/(\S+) b/(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Patch:
    """A patch or a series in one file. `paths` are the files of the tree that it touches."""

    name: str
    steps: tuple[str, ...]
    paths: frozenset[str]

    @property
    def sha256(self) -> str:
        """Of its text."""
        return hashlib.sha256("\0".join(self.steps).encode()).hexdigest()


class _State(msgspec.Struct):
    identity: str  # of what the working copy holds, empty while it is being changed
    touched: list[str]


def read_patch(path: Path) -> Patch:
    """The patch in a file: a unified diff (-p1), a git-format patch, or a series of them. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "the patch cannot be read",
            where=str(path),
            why=getattr(error, "strerror", None) or str(error),
            next_step="name a file with a unified diff, as git format-patch --stdout writes it",
        ) from error
    return parse_patch(text, name=str(path))


def parse_patch(text: str, *, name: str) -> Patch:
    """The same of a text. Raises UserError where it is no patch, or leaves the tree."""
    starts = [match.start() for match in _MESSAGE.finditer(text)] or [0]
    steps = tuple(text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True))
    paths = set()
    for old, new in _HEADER.findall(text):
        paths |= {_strip(side, name) for side in (old, new) if side != "/dev/null"}
    for old, new in _GIT.findall(text):
        paths |= {_check(old, name), _check(new, name)}
    paths |= {_check(path, name) for path in _NAMES.findall(text)}
    if not paths:
        raise UserError(
            "this is not a patch",
            where=name,
            why="there are no --- and +++ lines of a unified diff in it",
            next_step="write it with git format-patch --stdout, or diff -urN a b",
        )
    return Patch(name, steps, frozenset(paths))


def _strip(path: str, name: str) -> str:
    first, slash, rest = path.partition("/")
    if not slash or not first:
        raise UserError(f"{path} is not a path in a tree", where=name, next_step="make the patch with prefixes a/, b/")
    return _check(rest, name)


def _check(path: str, name: str) -> str:
    if path.startswith("/") or ".." in PurePosixPath(path).parts or not path:
        raise UserError(f"{path} is outside the tree", where=name, why="a patch may touch only files of the tree")
    return path


def patched_identity(tree: Tree, patches: Sequence[Patch]) -> str:
    """What a tree with patches is known by."""
    return f"{tree.identity}+{hashlib.sha256(' '.join(patch.sha256 for patch in patches).encode()).hexdigest()}"


async def apply_patches(
    tree: Tree, patches: Sequence[Patch], folder: Path, *, progress: Progress | None = None
) -> Tree:
    """The tree with the patches, as a working copy in `folder`, which belongs to the caller until it is done with it.

    The folder is of one original; what it held before is turned into what is asked. Raises UserError for a patch that
    does not apply, which leaves the copy as it was; InfraError.
    """
    progress = progress or Silent()
    copy, identity = folder / "tree", patched_identity(tree, patches)
    if not copy.exists():
        progress.log(f"copying {tree.source}")
        await _copy(tree, copy)
        _write_state(folder, _State(identity=tree.identity, touched=[]))
    state = _read_state(folder)
    if state.identity != identity:
        asked = frozenset[str]().union(*(patch.paths for patch in patches))
        with tempfile.TemporaryDirectory(dir=folder, prefix=".staging-") as staging:
            await _stage(tree, patches, asked, Path(staging))
            affected = sorted(asked.union(state.touched))
            _write_state(folder, _State(identity="", touched=affected))
            for path in affected:
                _bring((Path(staging) if path in asked else tree.path) / path, copy / path)
        _write_state(folder, _State(identity=identity, touched=sorted(asked)))
    names = ", ".join(Path(patch.name).name for patch in patches)
    return replace(tree, path=copy, identity=identity, source=f"{tree.source} with {names}")


async def patch_files(tree: Tree, patches: Sequence[Patch]) -> dict[str, bytes | None]:
    """What the patches make of the files that they touch, None for one that they delete. Raises UserError."""
    asked = frozenset[str]().union(*(patch.paths for patch in patches))
    with tempfile.TemporaryDirectory(prefix="pumphouse-") as staging:
        await _stage(tree, patches, asked, Path(staging))
        made = {path: Path(staging) / path for path in asked}
        return {path: file.read_bytes() if file.exists() else None for path, file in made.items()}


async def patch_in_place(folder: Path, patches: Sequence[Patch]) -> None:
    """Patch a person's own tree: all of it, or nothing where something does not apply. Raises UserError."""
    tree = Tree(path=folder, version=read_version(folder), identity="", source=str(folder))
    asked = frozenset[str]().union(*(patch.paths for patch in patches))
    with tempfile.TemporaryDirectory(prefix="pumphouse-") as staging:
        await _stage(tree, patches, asked, Path(staging))
        for path in sorted(asked):
            _bring(Path(staging) / path, folder / path)


async def _copy(tree: Tree, copy: Path) -> None:
    # Only the cache's own trees never change in place; a person's folder must not share files with ours.
    linked = tree.identity.startswith("deb:")
    if not linked:
        require_free_space(copy.parent, NEEDED_BYTES, purpose="a copy of the tree, for patches")
    incoming = copy.with_name(".incoming")
    await asyncio.to_thread(shutil.rmtree, incoming, ignore_errors=True)
    how = "--link" if linked else "--reflink=auto"
    code, output = await run_command(["cp", "--archive", how, f"{tree.path}/.", str(incoming)], package="coreutils")
    if code != 0:
        raise InfraError(
            "the tree could not be copied", where=str(copy), why=output.splitlines()[-1] if output else f"status {code}"
        )
    await asyncio.to_thread(shutil.rmtree, incoming / ".git", ignore_errors=True)
    incoming.rename(copy)


async def _stage(tree: Tree, patches: Sequence[Patch], paths: frozenset[str], staging: Path) -> None:
    """Write what the touched files will be: first as they are in the original, then patched."""
    for path in paths:
        if (tree.path / path).is_file():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            # A link stays one: patch(1) refuses it, as git does, where following it would make two files of one.
            shutil.copy2(tree.path / path, staging / path, follow_symlinks=False)
    for patch in patches:
        for number, step in enumerate(patch.steps, start=1):
            text = staging.with_name(f"{staging.name}.patch")
            text.write_text(step, encoding="utf-8")
            try:
                code, output = await run_command(patch_argv(staging, text), package="patch")
            finally:
                text.unlink()
            if code != 0:
                raise _refuse(tree, patch, number, output)


def patch_argv(folder: Path, patch: Path) -> list[str]:
    """patch(1)'s command line. No fuzz: a hunk whose surroundings differ was made for something else."""
    return [
        *("patch", "--directory", str(folder), "--strip=1", "--forward", "--batch", "--fuzz=0"),
        *("--no-backup-if-mismatch", "--reject-file=-", "--input", str(patch)),
    ]


def _refuse(tree: Tree, patch: Patch, number: int, output: str) -> UserError:
    why = re.search(r"^(?:.*FAILED|No file|Reversed|.*malformed|can't find).*$", output, re.MULTILINE)
    file = re.findall(r"^(?:patching|checking) file (.*)$", output[: why.start()] if why else output, re.MULTILINE)
    which = f", message {number} of {len(patch.steps)}" if len(patch.steps) > 1 else ""
    return UserError(
        f"the patch does not apply to {tree.version}",
        where=f"{patch.name}{which}",
        why=": ".join([*file[-1:], *([why[0].strip()] if why else [])]) or output[-200:],
        next_step="make it anew for this version; the tree was not changed",
    )


def _bring(wanted: Path, path: Path) -> None:
    """Make `path` what `wanted` is, and leave it alone where it is so already."""
    if wanted.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to(wanted.readlink())
        return
    if not wanted.exists():
        path.unlink(missing_ok=True)
        return
    content, mode = wanted.read_bytes(), wanted.stat().st_mode & 0o777
    is_file = path.is_file() and not path.is_symlink()
    if is_file and path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.pumphouse")  # a new file: the old one may be linked to the original
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(path)


def _read_state(folder: Path) -> _State:
    try:
        return msgspec.json.decode((folder / "patched.json").read_bytes(), type=_State)
    except (OSError, msgspec.MsgspecError) as error:
        raise InfraError(
            "the working copy in the cache is damaged",
            where=str(folder),
            why=str(error),
            next_step=f"delete it, it is made again: rm -r {folder}",
        ) from error


def _write_state(folder: Path, state: _State) -> None:
    fresh = folder / ".patched.json"
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(folder / "patched.json")

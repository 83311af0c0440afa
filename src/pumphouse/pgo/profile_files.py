# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles, notes and builds on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.archive import unpack_files
from pumphouse.pgo.domain.build_record import BuildRecord, read_build_record
from pumphouse.pgo.domain.bundle import Bundle, Manifest, read_bundle
from pumphouse.pgo.domain.gcda import Gcda
from pumphouse.pgo.domain.gcno import Gcno
from pumphouse.pgo.domain.names import FunctionName
from pumphouse.pgo.domain.profile import read_notes, read_profile

NOTES = "notes.tar.gz"  # what an instrumented build keeps


@dataclass(frozen=True, kw_only=True)
class OpenedProfile:
    """A profile from a bundle, or from a folder of counter files, which has neither names nor manifest."""

    label: str
    profile: dict[str, Gcda]
    names: Mapping[str, Mapping[int, FunctionName]] = field(default_factory=dict)
    manifest: Manifest | None = None


@dataclass(frozen=True, kw_only=True)
class OpenedBuild:
    """An instrumented build: its notes and, where it has a metadata.json, what it says of itself."""

    notes: dict[str, Gcno]
    record: BuildRecord | None


def open_profile(path: Path) -> OpenedProfile:
    """A bundle, or a folder with .gcda files at any depth. Raises UserError for anything damaged."""
    if path.is_dir():
        files = _read_folder(path, "gcda")
        if not files:
            raise UserError(
                f"no counters are in {path}",
                where=str(path),
                why="no file in it ends in .gcda",
                next_step="name a bundle, or the folder with the counters of a training",
            )
        return OpenedProfile(label=path.name, profile=read_profile(files))
    bundle = open_bundle(path)
    return OpenedProfile(label=path.name, profile=bundle.profile, names=bundle.names, manifest=bundle.manifest)


def open_bundle(path: Path) -> Bundle:
    """The bundle in a file. Raises UserError where there is none, or it is damaged."""
    return read_bundle(read_file(path), name=path.name)


def open_build(path: Path) -> OpenedBuild:
    """The notes of an instrumented build: a folder with notes.tar.gz or .gcno files, or such an archive.

    Raises UserError where there are none.
    """
    archive = path / NOTES if path.is_dir() else path
    metadata = archive.parent / "metadata.json"
    files = unpack_files(read_file(archive), name=archive.name) if archive.is_file() else _read_folder(path, "gcno")
    notes = {name: content for name, content in files.items() if name.endswith(".gcno")}
    if not notes:
        raise UserError(
            f"no notes of an instrumented build are in {path}",
            where=str(path),
            why=f"it has neither {NOTES} nor a file that ends in .gcno",
            next_step="name the folder of the instrumented kernel, or that of its objects",
        )
    record = read_build_record(read_file(metadata), name=str(metadata)) if metadata.is_file() else None
    return OpenedBuild(notes=read_notes(notes), record=record)


def read_file(path: Path) -> bytes:
    """A file's content. Raises UserError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read", where=str(path), why=error.strerror or str(error), next_step="name another file"
        ) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file at once: it is there whole, or not at all. Raises UserError where it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name another file with -o, or make room",
        ) from error


def _read_folder(folder: Path, suffix: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): read_file(path) for path in sorted(folder.rglob(f"*.{suffix}"))}

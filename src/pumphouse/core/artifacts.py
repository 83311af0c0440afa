# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Files that runs leave, kept once by content under data/artifacts."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from pumphouse.core.errors import InfraError, NotFoundError

CHUNK = 1 << 20


class ArtifactStore:
    """A folder of files named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the content is. Raises NotFoundError where it is not."""
        path = self._place(sha256)
        if not path.is_file():
            raise NotFoundError(
                "the content of this artifact is gone",
                where=str(path),
                why="it was removed, or it was made on a machine that does not share this folder",
                next_step="run it again, or share data/artifacts between the machines",
            )
        return path

    def add(self, source: Path | bytes) -> tuple[str, int]:
        """Copy a file or some bytes in; returns SHA-256 and size in bytes. A crash leaves no half file.

        Raises InfraError where the disk is full or cannot be written.
        """
        try:
            return self._add(source)
        except OSError as error:
            raise InfraError(
                "an artifact could not be kept",
                where=str(self.folder),
                why=error.strerror or str(error),
                next_step="make room on that disk, then pumphouse runs retry ID",
            ) from error

    def _add(self, source: Path | bytes) -> tuple[str, int]:
        self.folder.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".incoming-")
        try:
            with os.fdopen(handle, "wb") as target:
                if isinstance(source, bytes):
                    digest.update(source)
                    size = target.write(source)
                else:
                    with source.open("rb") as stream:
                        while chunk := stream.read(CHUNK):
                            digest.update(chunk)
                            size += target.write(chunk)
            place = self._place(digest.hexdigest())
            place.parent.mkdir(exist_ok=True)
            Path(name).chmod(0o644)
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return digest.hexdigest(), size

    def _place(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def require_free_space(folder: Path, needed: int, *, purpose: str) -> None:
    """Raise InfraError where fewer than `needed` bytes are free on the disk of `folder`."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise InfraError(
            f"not enough disk space for {purpose}",
            where=str(folder),
            why=f"{free / 1e6:.0f} MB are free, {needed / 1e6:.0f} MB are needed",
            next_step="make room on that disk, or point PUMPHOUSE_CACHE or the site elsewhere",
        )

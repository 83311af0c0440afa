# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a kernel tree: in a folder, or in a folder with a patch laid over it in memory. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """What the readers need of a tree. Paths are relative to its top, with slashes."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        ...

    def walk(self, folder: str, suffixes: tuple[str, ...], *, deep: bool = True) -> Iterator[str]:
        """The paths of all files below a folder with one of these suffixes, sorted within each folder."""
        ...

    def resolve(self, path: str) -> str:
        """The path of the file that a symbolic link stands for; any other path as it is."""
        ...


class FolderFiles:
    """The files of a folder. What was read is kept, because several readers look at the same files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = str(root)

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        try:
            descriptor = os.open(f"{self._top}/{path}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            size = os.fstat(descriptor).st_size
            content = os.read(descriptor, size + 1)
            while len(content) < size:
                more = os.read(descriptor, size - len(content))
                if not more:
                    break
                content += more
        except OSError:  # a folder
            return None
        finally:
            os.close(descriptor)
        return content

    def walk(self, folder: str, suffixes: tuple[str, ...], *, deep: bool = True) -> Iterator[str]:
        """The paths of all files below a folder with one of these suffixes, sorted within each folder."""
        folders: list[str] = []
        found: list[str] = []
        try:
            with os.scandir(f"{self._top}/{folder}" if folder else self._top) as entries:
                for entry in entries:
                    name = entry.name
                    if name.endswith(suffixes):
                        found.append(name)
                    elif "." not in name and entry.is_dir(follow_symlinks=False):
                        folders.append(name)
        except OSError:
            return
        prefix = f"{folder}/" if folder else ""
        yield from (prefix + name for name in sorted(found))
        for name in sorted(folders) if deep else ():
            yield from self.walk(prefix + name, suffixes)

    def resolve(self, path: str) -> str:
        """The path of the file that a symbolic link stands for; any other path, or a link out of the tree, as it is."""
        file = self.root / path
        try:
            return file.resolve().relative_to(self.root.resolve()).as_posix() if file.is_symlink() else path
        except (OSError, RuntimeError, ValueError):  # a loop, or outside
            return path


class OverlaidFiles:
    """Files of a tree, of which some have another content, are new, or are gone (None); a link shows its file's."""

    def __init__(self, base: Files, changed: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._changed = dict(changed)

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        real = self.resolve(path)
        return self._changed[real] if real in self._changed else self._base.read(path)

    def walk(self, folder: str, suffixes: tuple[str, ...], *, deep: bool = True) -> Iterator[str]:
        """The paths of all files below a folder with one of these suffixes; new ones come last."""
        seen = set()
        for path in self._base.walk(folder, suffixes, deep=deep):
            seen.add(path)
            if self._changed.get(path, b"") is not None:
                yield path
        prefix = f"{folder}/" if folder else ""
        for path, content in sorted(self._changed.items()):
            if content is not None and path not in seen and _is_below(path, prefix, suffixes, deep=deep):
                yield path

    def resolve(self, path: str) -> str:
        """The path of the file that a symbolic link stands for; a changed path is no link."""
        return path if path in self._changed else self._base.resolve(path)


class MemoryFiles:
    """A tree that exists only in memory: for tests, and for what a scaffold would make."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        return self._files.get(path)

    def walk(self, folder: str, suffixes: tuple[str, ...], *, deep: bool = True) -> Iterator[str]:
        """The paths of all files below a folder with one of these suffixes, sorted."""
        prefix = f"{folder}/" if folder else ""
        for path in sorted(self._files):
            if _is_below(path, prefix, suffixes, deep=deep):
                yield path

    def resolve(self, path: str) -> str:
        """The path itself: there are no links."""
        return path


def _is_below(path: str, prefix: str, suffixes: tuple[str, ...], *, deep: bool) -> bool:
    return path.startswith(prefix) and path.endswith(suffixes) and (deep or "/" not in path[len(prefix) :])

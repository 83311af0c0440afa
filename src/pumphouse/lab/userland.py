# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian packages with their libraries, for a guest: downloaded with apt, unpacked, never installed.

Not installing them keeps this machine as it is (no server starts), and takes every library from a package of a known
version: what runs in the guest does not depend on what is installed here.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from pumphouse.core.artifacts import require_free_space
from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.deb import Package, download, find_package, find_packages, unpack
from pumphouse.lab.elf import read_needs

NEEDED_BYTES = 200_000_000  # the packages of some programs, packed and unpacked
PREFIXES = ("./bin/", "./sbin/", "./usr/bin/", "./usr/sbin/", "./lib/", "./lib64/", "./usr/lib/")
PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
LIBRARY_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/lib", "/usr/lib")
GUEST_LIBRARIES = "/lib/x86_64-linux-gnu"
LOADER = "ld-linux-x86-64.so.2"
APT_LISTS = Path("/var/lib/apt/lists")
MOST_PACKAGES = 60
Wanted = tuple[tuple[str, ...], str]  # folders of which one has it, and its name
MOST_LINKS = 16  # links that lead to links, before it is called a loop


@dataclass(frozen=True)
class Userland:
    """Executables and libraries by their path in the guest, and the packages that they come from."""

    executables: Mapping[str, bytes] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)  # name -> version


class _Kept(msgspec.Struct, frozen=True):
    """What the cache knows of programs resolved before: path in the guest -> file, package -> version."""

    files: dict[str, str]
    packages: dict[str, str]


class Roots:
    """Unpacked packages, looked through as if they were one file system."""

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def find(self, path: str) -> Path | None:
        """The regular file that an absolute path leads to, through links, or None."""
        for _ in range(MOST_LINKS):
            here = next((place for place in self._places(path) if place.is_symlink() or place.exists()), None)
            if here is None:
                return None
            if not here.is_symlink():
                return here if here.is_file() else None
            path = os.path.normpath(PurePosixPath(path).parent / here.readlink())
        return None

    def _places(self, path: str) -> Iterator[Path]:
        """Where a path may lie: Debian moved /bin, /sbin and /lib below /usr, its packages not all (UsrMerge)."""
        other = path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}"
        for folder in self.folders:
            for name in (path, other):
                yield folder / name.lstrip("/")

    def find_in(self, folders: tuple[str, ...], name: str) -> Path | None:
        """The file of a name in the first of some folders that has it."""
        return next((found for folder in folders if (found := self.find(f"{folder}/{name}"))), None)


async def fetch_userland(programs: Mapping[str, str], *, progress: Progress | None = None) -> Userland:
    """The programs (name -> the Debian package that has it), each as /bin/NAME, with all libraries that they need.

    They are looked up anew when apt's lists have changed. Raises UserError for an unknown package, or one without the
    program; InfraError where a download fails.
    """
    if not programs:
        return Userland()
    lists = APT_LISTS.stat().st_mtime_ns if APT_LISTS.exists() else 0
    identity = msgspec.json.encode([sorted(programs.items()), lists])
    kept = cache_dir("userland") / f"{hashlib.sha256(identity).hexdigest()}.json"
    known = _read_kept(kept)
    if known is None:
        require_free_space(kept.parent, NEEDED_BYTES, purpose="the programs of a workload")
        known = await _Resolver(progress or Silent()).resolve(programs)
        kept.write_bytes(msgspec.json.encode(known))
    return Userland({name: Path(path).read_bytes() for name, path in known.files.items()}, known.packages)


def _read_kept(path: Path) -> _Kept | None:
    """What was resolved before, where all of it is still in the cache."""
    if not path.exists():
        return None
    kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    return kept if all(Path(file).exists() for file in kept.files.values()) else None


class _Resolver:
    """Fetches packages until every program and library is there, in rounds: what is missing, from the likeliest."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._roots = Roots()
        self._fetched: dict[str, Package] = {}
        self._offered: set[str] = set()  # dependencies of what was fetched, which may have what is missing

    async def resolve(self, programs: Mapping[str, str]) -> _Kept:
        named = list(dict.fromkeys(programs.values()))
        known = await find_packages(named)
        for name in named:
            await self._fetch([known.get(name) or await find_package(name)])
        missing: dict[str, Wanted] = {f"/bin/{name}": (PROGRAM_FOLDERS, name) for name in programs}
        files: dict[str, str] = {}
        while missing:
            for inside, (folders, name) in list(missing.items()):
                if (path := self._roots.find_in(folders, name)) is not None:
                    files[inside] = str(path)
                    del missing[inside]
                    missing |= {
                        k: v
                        for k, v in self._needs(path, is_program=folders is PROGRAM_FOLDERS).items()
                        if k not in files
                    }
            if missing and not any(self._roots.find_in(folders, name) for folders, name in missing.values()):
                await self._fetch_likely(missing.values())
        return _Kept(files, {package.name: package.version for package in self._fetched.values()})

    @staticmethod
    def _needs(path: Path, *, is_program: bool) -> dict[str, Wanted]:
        """What a program or library asks for: where in the guest -> where it may lie, and its name."""
        interpreter, libraries = read_needs(path)
        places: dict[str, Wanted] = {
            f"{GUEST_LIBRARIES}/{library}": (LIBRARY_FOLDERS, library) for library in libraries
        }
        if interpreter:
            loader = PurePosixPath(interpreter)
            places.pop(f"{GUEST_LIBRARIES}/{loader.name}", None)
            if is_program:
                places[interpreter] = ((str(loader.parent),), loader.name)
        else:
            places.pop(f"{GUEST_LIBRARIES}/{LOADER}", None)
        return places

    async def _fetch_likely(self, missing: Collection[Wanted]) -> None:
        """Fetch, for each missing file, the dependency whose name is most like it. Raises UserError if none is left."""
        left = sorted(self._offered - self._fetched.keys())
        wanted = {max(left, key=lambda offer: _likeness(name, offer)) for _, name in missing if left}
        packages = await find_packages(sorted(wanted))
        self._offered -= wanted - packages.keys()  # virtual ones
        if not wanted or len(self._fetched) > MOST_PACKAGES:
            folders, name = next(iter(missing))
            raise UserError(
                f"no package has {name}",
                where=", ".join(self._fetched),
                why=f"it is not in {', '.join(folders)} of these, and what they depend on has it neither",
                next_step=f"apt-file search {name} names the package that has it",
            )
        await self._fetch(list(packages.values()))

    async def _fetch(self, packages: Sequence[Package]) -> None:
        for package in packages:
            self._fetched[package.name] = package
            self._offered |= set(package.depends)
        roots = await asyncio.gather(*(fetch_unpacked(package, progress=self._progress) for package in packages))
        self._roots.folders += roots


async def fetch_unpacked(package: Package, *, progress: Progress | None = None) -> Path:
    """The folder in the cache with a package's programs and libraries, unpacked. Raises InfraError."""
    folder = cache_dir("deb", package.sha256)
    if not (folder / "root-complete").exists():
        (progress or Silent()).log(f"downloading {package.name} {package.version}")
        deb = await download(package, folder)
        await asyncio.to_thread(unpack, deb, folder / "root", PREFIXES)
        (folder / "root-complete").touch()
    (folder / "root").mkdir(exist_ok=True)
    return folder / "root"


def _likeness(library: str, package: str) -> float:
    """How likely a package has a library: libssl.so.3 is in libssl3, libz.so.1 in zlib1g, libc.so.6 in libc6."""
    plain = re.sub(r"[.\-]|so", "", library.lower())
    return difflib.SequenceMatcher(None, plain, re.sub(r"[.\-]", "", package)).ratio()

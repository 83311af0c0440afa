# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels from Debian packages: downloaded with apt, unpacked without being installed, kept by content."""

from __future__ import annotations

import asyncio
import re
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pumphouse.core.artifacts import require_free_space
from pumphouse.core.cache import cache_dir
from pumphouse.core.errors import InfraError, UserError
from pumphouse.core.progress import Progress, Silent
from pumphouse.lab.command import run_command
from pumphouse.lab.kernel import Kernel, read_kernel

NEEDED_BYTES = 600_000_000  # a kernel package and what is unpacked of it


@dataclass(frozen=True)
class Package:
    """A package as apt's index describes it. `sha256` is that of the .deb file."""

    name: str
    version: str
    sha256: str
    depends: tuple[str, ...]


def show_argv(*names: str) -> list[str]:
    """The command that prints apt's records of packages."""
    return ["apt-cache", "show", "--no-all-versions", *names]


def download_argv(package: Package) -> list[str]:
    """The command that downloads a package's file into the current folder."""
    return ["apt-get", "download", "--quiet", f"{package.name}={package.version}"]


def parse_package(text: str) -> Package:
    """The package of the first stanza of apt-cache's output (deb-control(5)). Raises KeyError for a missing field."""
    stanza = text.split("\n\n", 1)[0]
    fields = {}
    for line in stanza.splitlines():
        key, colon, value = line.partition(":")
        if colon and not line.startswith(" "):
            fields[key] = value.strip()
    depends = [re.split(r"[\s(|:]", item.strip(), maxsplit=1)[0] for item in fields.get("Depends", "").split(",")]
    return Package(fields["Package"], fields["Version"], fields["SHA256"], tuple(filter(None, depends)))


async def find_package(name: str) -> Package:
    """The package that `name` stands for; a meta package (linux-image-rt-amd64) leads to the kernel it depends on.

    Raises UserError for a package that apt does not know.
    """
    package = await _show(name)
    images = [dependency for dependency in package.depends if re.match(r"linux-image-\d", dependency)]
    return await _show(images[0]) if images else package


async def find_packages(names: Sequence[str]) -> dict[str, Package]:
    """The packages of some names, by name, without those that apt does not know or that are only virtual."""
    if not names:
        return {}
    _, output = await run_command(show_argv(*names), package="apt")
    stanzas = [stanza for stanza in output.split("\n\n") if stanza.startswith("Package:") and "\nSHA256:" in stanza]
    packages = {package.name: package for package in map(parse_package, stanzas)}
    return {name: packages[name] for name in names if name in packages}


async def _show(name: str) -> Package:
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.\-]+", name):
        raise UserError(f"{name!r} is not the name of a Debian package", next_step="try deb:linux-image-amd64")
    code, output = await run_command(show_argv(name), package="apt")
    if code != 0 or not output.strip():
        raise UserError(
            f"apt knows no package {name}",
            where=f"deb:{name}",
            why=output.strip().splitlines()[-1] if output.strip() else "it is not in apt's lists",
            next_step="sudo apt-get update, then apt-cache search linux-image",
        )
    return parse_package(output)


async def fetch_kernel(name: str, *, progress: Progress | None = None) -> Kernel:
    """The kernel of a Debian package, from the cache or downloaded.

    Raises UserError for an unknown package or one without a kernel, InfraError where the download fails.
    """
    progress = progress or Silent()
    package = await find_package(name)
    folder = cache_dir("deb", package.sha256)
    boot = folder / "boot"
    if not (folder / "complete").exists():
        require_free_space(folder, NEEDED_BYTES, purpose=f"the package {package.name}")
        progress.log(f"downloading {package.name} {package.version}")
        deb = await download(package, folder)
        await asyncio.to_thread(unpack, deb, folder, ("./boot/",))
        (folder / "complete").touch()
    images = sorted(boot.glob("vmlinuz-*"))
    if not images:
        raise UserError(
            f"the package {package.name} has no kernel",
            where=f"deb:{name}",
            why="there is no /boot/vmlinuz-* in it",
            next_step="name an image package: deb:linux-image-amd64, deb:linux-image-rt-amd64",
        )
    return read_kernel(images[0], source=f"deb:{package.name} {package.version}")


async def fetch_modules(kernel: Kernel, *, progress: Progress | None = None) -> Path:
    """The folder lib/modules/RELEASE of a kernel that `fetch_kernel` gave, unpacked at the first call."""
    folder = kernel.image.parents[1]
    modules = folder / "lib" / "modules" / kernel.release
    if not (folder / "modules-complete").exists():
        (progress or Silent()).log(f"unpacking the modules of {kernel.release}")
        (deb,) = folder.glob("*.deb")
        await asyncio.to_thread(unpack, deb, folder, ("./lib/modules/", "./usr/lib/modules/"))
        if not modules.exists() and (folder / "usr" / "lib" / "modules").exists():
            (folder / "lib").mkdir(exist_ok=True)
            (folder / "lib" / "modules").symlink_to("../usr/lib/modules")
        (folder / "modules-complete").touch()
    return modules


async def download(package: Package, folder: Path) -> Path:
    """The package's file, downloaded into `folder`. Raises InfraError."""
    incoming = Path(tempfile.mkdtemp(dir=folder, prefix=".incoming-"))
    incoming.chmod(0o755)
    try:
        code, output = await run_command(download_argv(package), cwd=incoming, package="apt")
        debs = list(incoming.glob("*.deb"))
        if code != 0 or len(debs) != 1:
            errors = [line for line in output.splitlines() if line.startswith("E:")] or output.splitlines()[-1:]
            raise InfraError(
                f"{package.name} could not be downloaded",
                where=" ".join(download_argv(package)),
                why="; ".join(errors) or f"exit status {code}",
                next_step="check the network, and that apt's lists are fresh: sudo apt-get update",
            )
        target = folder / debs[0].name
        debs[0].replace(target)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return target


def unpack(deb: Path, folder: Path, prefixes: tuple[str, ...]) -> None:
    """Unpack what is below `prefixes` out of a package's file system archive."""
    import subprocess  # noqa: PLC0415  only here is a synchronous pipe the simpler thing

    argv = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        stream: IO[bytes] = process.stdout  # type: ignore[assignment]  # it was asked for
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    if member.name.startswith(prefixes) or f"{member.name}/" in prefixes:
                        _extract(archive, member, folder)
            stream.read()
        except tarfile.TarError as error:
            raise InfraError(
                "a downloaded package is broken",
                where=str(deb),
                why=str(error),
                next_step=f"remove {deb.parent} and try again",
            ) from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Extract one member. Python 3.11.2, which is Debian 12's, has no extraction filters (they came with 3.11.4)."""
    if ".." in Path(member.name).parts:
        raise tarfile.TarError(f"{member.name} leads out of the package")
    if hasattr(tarfile, "tar_filter"):
        archive.extract(member, folder, filter="tar")
    else:
        archive.extract(member, folder)

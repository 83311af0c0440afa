# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A kernel that can be booted: where its image is, how it was configured, where it comes from."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pumphouse.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A bootable kernel. `config` maps CONFIG_ names to "y", "m", numbers or strings; what is not set is absent."""

    release: str  # what uname -r will say
    image: Path
    config: dict[str, str]
    source: str  # the specification that gave it, for people: deb:linux-image-6.1.0-51-rt-amd64 6.1.170-3
    sha256: str  # of the image

    @property
    def is_realtime(self) -> bool:
        """Whether it was configured with PREEMPT_RT."""
        return self.config.get("CONFIG_PREEMPT_RT") == "y"


def parse_config(text: str) -> dict[str, str]:
    """The symbols of a .config that are set (Documentation/kbuild/kconfig.rst); strings without their quotes."""
    symbols = {}
    for line in text.splitlines():
        if match := re.match(r"(CONFIG_\w+)=(.*)$", line.strip()):
            value = match[2]
            is_string = value.startswith('"') and value.endswith('"') and len(value) > 1
            symbols[match[1]] = re.sub(r"\\(.)", r"\1", value[1:-1]) if is_string else value
    return symbols


def read_release(image: Path) -> str:
    """The release in a bzImage's header (Documentation/arch/x86/boot.rst, kernel_version at 0x20e).

    Raises UserError where the file is not a bzImage.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UserError(
            "the kernel image cannot be read",
            where=str(image),
            why=error.strerror or str(error),
            next_step="name a bzImage, or a Debian package as deb:linux-image-amd64",
        ) from error
    if data[0x202:0x206] != b"HdrS":
        raise UserError(
            "this is not an x86 kernel image",
            where=str(image),
            why="the boot header's magic number is missing at offset 0x202",
            next_step="name the bzImage (arch/x86/boot/bzImage of a build), not the vmlinux",
        )
    offset = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    return data[offset : data.index(b"\0", offset)].split()[0].decode()


def read_kernel(image: Path, *, config: Path | None = None, source: str = "") -> Kernel:
    """The kernel of an image file; `config` is looked for beside it (`config-RELEASE`, `.config`) where not given.

    Raises UserError.
    """
    release = read_release(image)
    beside = [config] if config else [image.parent / f"config-{release}", image.parent / ".config"]
    found = next((path for path in beside if path and path.is_file()), None)
    return Kernel(
        release=release,
        image=image,
        config=parse_config(found.read_text(encoding="utf-8")) if found else {},
        source=source or str(image),
        sha256=hashlib.sha256(image.read_bytes()).hexdigest(),
    )

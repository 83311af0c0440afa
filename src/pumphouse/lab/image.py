# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Initramfs images from a manifest: busybox, named programs with their libraries, files, and an init that reports.

What the init and a job print for us stands on lines of their own that begin with MARK; lab/console.py reads them.

    @@pumphouse boot uptime=2.21 clocksource=tsc release=6.1.0-51-rt-amd64 realtime=1
    @@pumphouse job uptime=2.31 clocksource=tsc settled=yes
    @@pumphouse say LOAD STARTED               progress, in words
    @@pumphouse file NAME SHA256               then lines of base64 of the gzipped content
    @@pumphouse endfile NAME
    @@pumphouse exit 0 uptime=9.71 clocksource=tsc
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pumphouse.core.cache import cache_dir
from pumphouse.core.doctor import find_program
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab import cpio, elf

MARK = "@@pumphouse"
PACKAGES = {"busybox": "busybox-static", "cyclictest": "rt-tests", "hackbench": "rt-tests"}

INIT = f"""\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /results
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
clock() {{ cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null; }}
uptime_s() {{ cut -d' ' -f1 /proc/uptime; }}
mark() {{ echo; echo "{MARK} $*"; }}
send() {{
    mark file "$1" "$(sha256sum < "$2" | cut -d' ' -f1)"
    gzip -c "$2" | base64
    mark endfile "$1"
}}
mark boot uptime=$(uptime_s) clocksource=$(clock) release=$(uname -r) \\
    realtime=$(cat /sys/kernel/realtime 2>/dev/null || echo 0)
for module in $(cat /modules/order 2>/dev/null); do insmod /modules/$module || mark say "module $module: failed"; done
# A clock source that changes during a measurement looks like a latency: wait until it has settled.
settled=no
tries=0
while [ $tries -lt 60 ]; do
    case $(clock) in tsc-early|jiffies|refined-jiffies) sleep 0.1 ;; *) settled=yes; break ;; esac
    tries=$((tries + 1))
done
mark job uptime=$(uptime_s) clocksource=$(clock) settled=$settled
cd /results
. /job
code=$?
for name in *; do [ -f "$name" ] && send "$name" "$name"; done
mark exit $code uptime=$(uptime_s) clocksource=$(clock)
poweroff -f
"""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What goes into an image. `programs` are on this machine's path; `files` map a path in the guest to content."""

    programs: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    executables: Mapping[str, bytes] = field(default_factory=dict)  # like files; bring their libraries along yourself
    modules: tuple[Path, ...] = ()  # .ko files in the order in which they are inserted
    job: str = "true"  # a shell script; what it leaves in /results comes back


def build_image(manifest: Manifest) -> Path:
    """The gzipped initramfs of a manifest, from the cache where the same contents were built before.

    Raises UserError or InfraError for a program that is missing here.
    """
    entries = _entries(manifest)
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(json.dumps([entry.name, entry.mode, entry.device]).encode() + b"\0")
        digest.update(hashlib.sha256(entry.content).digest())
    path = cache_dir("images") / f"{digest.hexdigest()}.cpio.gz"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(gzip.compress(cpio.write_archive(entries), compresslevel=6, mtime=0))
        unfinished.replace(path)
    return path


def _entries(manifest: Manifest) -> list[cpio.Entry]:
    contents: dict[str, tuple[bytes, bool]] = {
        "init": (INIT.encode(), True),
        "job": (manifest.job.encode(), False),
        "bin/busybox": (_locate("busybox").read_bytes(), True),
    }
    for program in manifest.programs:
        path = _locate(program)
        contents[f"bin/{program}"] = (path.read_bytes(), True)
        for inside, here in elf.collect(path).items():
            contents[inside.lstrip("/")] = (here.read_bytes(), True)
    for name, content in manifest.files.items():
        contents[_inside(name)] = (content, False)
    for name, content in manifest.executables.items():
        contents[_inside(name)] = (content, True)
    for module in manifest.modules:
        contents[f"modules/{module.name}"] = (module.read_bytes(), False)
    if manifest.modules:
        order = "".join(f"{module.name}\n" for module in manifest.modules)
        contents["modules/order"] = (order.encode(), False)
    folders = {str(parent) for name in contents for parent in PurePosixPath(name).parents} | {"dev"}
    return [
        *(cpio.folder(name) for name in sorted(folders - {"."})),
        cpio.console_device(),
        *(cpio.file(name, content, executable=x) for name, (content, x) in sorted(contents.items())),
    ]


def _inside(name: str) -> str:
    path = PurePosixPath(name.lstrip("/"))
    if not path.parts or ".." in path.parts:
        raise UserError(f"{name!r} is not a path inside an image", next_step="give an absolute path without ..")
    return str(path)


def _locate(program: str) -> Path:
    path = find_program(program)
    if path is None:
        package = PACKAGES.get(program, program)
        raise InfraError(
            f"{program} is not on this machine",
            why="it goes into the guest's image",
            next_step=f"sudo apt-get install {package}",
        )
    return path.resolve()

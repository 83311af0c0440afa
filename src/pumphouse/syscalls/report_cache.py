# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The answers of this boot, kernel, filters, rights, namespaces and recipes, kept in a file.

The file is a hint: whatever is wrong with it, the kernel is asked again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pumphouse.core.cache import cache_dir
from pumphouse.syscalls.domain.probe.report import Report
from pumphouse.syscalls.recipes import recipes_fingerprint

_FIELDS = re.compile(r"^(?:Uid|Gid|Groups|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp|Seccomp_filters):.*$", re.MULTILINE)
_SHAPE = "1"  # of the file; a change of the records makes another


def read(names: Sequence[str] | None) -> Report | None:
    """The kept report with the calls that are named; None where there is none for this process."""
    try:
        path = _path(_key())
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            kept = msgspec.msgpack.decode(file.read(), type=Report)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    if names:
        calls = {call.name: call for call in kept.calls}
        if any(name not in calls for name in names):
            return None
        return msgspec.structs.replace(
            kept, cached=True, calls=tuple(call for call in kept.calls if call.name in names)
        )
    return msgspec.structs.replace(kept, cached=True)


def keep(report: Report) -> None:
    """Keep a report of all calls. Where it cannot be kept, it is not: the next probe asks again."""
    with contextlib.suppress(OSError):
        path = _path(_key())
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            draft.write_bytes(msgspec.msgpack.encode(report))
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _drop_old(path)


def _path(key: str) -> Path:
    """In XDG_RUNTIME_DIR, which the boot clears, where there is one that is ours; else in the cache."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        with contextlib.suppress(OSError):
            seen = os.stat(runtime)  # noqa: PTH116 - one call, on the path that has a millisecond
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid():
                return Path(runtime, "pumphouse-syscalls", f"{key}.msgpack")
    return cache_dir("syscalls") / f"{key}.msgpack"


def _key() -> str:
    """What the answers depend on. Raises OSError where /proc does not tell it: then nothing is kept or found."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    parts = (
        _SHAPE,
        Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"),
        *os.uname(),
        *_FIELDS.findall(status),
        *(str(Path(f"/proc/self/ns/{name}").readlink()) for name in ("user", "mnt", "pid", "cgroup")),
        recipes_fingerprint(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _drop_old(path: Path) -> None:
    """Keep the 16 latest files of the folder."""
    files = sorted(path.parent.glob("*.msgpack"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[16:]:
        file.unlink(missing_ok=True)

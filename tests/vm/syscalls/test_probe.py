# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The header's program in Debian's 6.1: its masks are those of that kernel's source."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from pumphouse.lab.board import BootJob, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine
from pumphouse.syscalls.header import make_header

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None, reason="no QEMU: sudo apt-get install qemu-system-x86 (make setup)"
    ),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: sudo apt-get install gcc libc6-dev (make setup)"),
]

# linux-source-6.1, 6.1.192: what the validating code accepts.
SIZES = {
    "bpf": 144,
    "clone3": 88,
    "futex_waitv": 24,
    "landlock_create_ruleset": 8,
    "mount_setattr": 32,
    "openat2": 24,
    "perf_event_open": 128,
    "sched_setattr": 56,
}
MASKS = {
    # VALID_OPEN_FLAGS is 0x7fffc3; build_open_flags() drops FMODE_NONOTIFY before it looks for unknown flags.
    "openat2 open_how.flags": 0x7FFFC3 | 0x4000000,
    "openat2 open_how.mode": 0o7777,
    "openat2 open_how.resolve": 0x3F,
    "clone3 clone_args.flags": 0x3FFBFFF80,
    "sched_setattr sched_attr.sched_flags": 0x7F,
    "perf_event_open flags": 0xF,
    "perf_event_open perf_event_attr.sample_type": 0x1FFFFFF,
    "perf_event_open perf_event_attr.read_format": 0x1F,
    "perf_event_open perf_event_attr.bits": 0x3FFFFFFFFF,
    "perf_event_open perf_event_attr.branch_sample_type": 0x7FFFF,
    "mount_setattr at_flags": 0x9900,
    "mount_setattr mount_attr.attr_set": 0x3000BF,
    "mount_setattr mount_attr.attr_clr": 0x2000FF,
    "mount_setattr mount_attr.propagation": 0x1E0000,
    "landlock_create_ruleset landlock_ruleset_attr.handled_access_fs": 0x3FFF,
    "landlock_restrict_self flags": 0,
    "futex_waitv futex_waitv.flags": 0x80,
    "close_range flags": 0x6,
    "faccessat2 flags": 0x1300,
    "io_uring_enter flags": 0xF,  # and IORING_ENTER_REGISTERED_RING, which is not decided
    "membarrier cmd": 0x1FF,
    "move_mount flags": 0x177,
    "name_to_handle_at flag": 0x1400,
    "open_tree flags": 0x89901,
    "pidfd_open flags": 0x800,
    "pidfd_send_signal flags": 0,
    "renameat2 flags": 0x7,
    "seccomp flags": 0x3F,
    "statx flags": 0x7900,
}
LATER = ["file_setattr", "fchmodat2", "listmount", "listns", "open_tree_attr", "setxattrat", "statmount"]


async def test_the_static_program_tells_the_sizes_and_masks_of_debians_6_1_and_leaves_it_as_it_was(tmp_path):
    header, program = tmp_path / "pumphouse_probe.h", tmp_path / "probe"
    header.write_text(make_header())
    options = ["-O1", "-static", "-DPUMPHOUSE_PROBE_MAIN", "-x", "c"]
    subprocess.run(["gcc", *options, header, "-o", program], check=True, timeout=120)
    script = """\
chmod +x /probe
cat /proc/self/mountinfo > mounts-before
dmesg > before
/probe > probe.json
code=$?
dmesg > after
cat /proc/self/mountinfo > mounts-after
ps > processes
(exit $code)
"""
    job = BootJob(manifest=Manifest(files={"probe": program.read_bytes()}, job=script))
    kernel = await open_kernel("deb:linux-image-amd64")
    result = await boot_with_retry(QemuBoard(Machine()), kernel, job)
    assert result.exit_code == 0
    told = json.loads(result.files["probe.json"])
    assert told["release"] == kernel.release
    calls = {call["name"]: call for call in told["calls"]}
    assert {name: calls[name]["size"] for name in SIZES} == SIZES
    words = {f"{call['name']} {word['name']}": word for call in told["calls"] for word in call["words"]}
    assert {name: words[name]["mask"] for name in MASKS} == {name: hex(mask) for name, mask in MASKS.items()}
    assert {words[name]["state"] for name in MASKS} == {"answered"}
    assert words["io_uring_enter flags"]["undecided"] == "0x10"
    assert words["landlock_create_ruleset landlock_ruleset_attr.scoped"]["state"] == "absent"
    assert {name: calls[name]["presence"] for name in LATER} == dict.fromkeys(LATER, "missing")
    assert result.files["after"] == result.files["before"], "the kernel said something"
    assert result.files["mounts-after"] == result.files["mounts-before"]
    assert b"probe" not in result.files["processes"]

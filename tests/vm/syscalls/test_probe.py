# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The header's program in Debian's 6.1 and 6.12: its masks are those of these kernels' sources."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from pumphouse.core.errors import PumphouseError
from pumphouse.lab.board import BootJob, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.open import open_kernel
from pumphouse.lab.qemu import Machine
from pumphouse.syscalls.domain.release import read_release
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
    "epoll_create1 flags": 0x80000,
    "eventfd2 flags": 0x80801,
    "faccessat2 flags": 0x1300,
    "fsconfig cmd": 0xFF,
    "io_uring_enter flags": 0xF,  # and IORING_ENTER_REGISTERED_RING, which is not decided
    "landlock_add_rule flags": 0,
    "madvise behavior": (1 << 23) - 1,  # to MADV_COLLAPSE
    "membarrier cmd": 0x1FF,
    "move_mount flags": 0x177,
    "name_to_handle_at flag": 0x1400,
    "open_tree flags": 0x89901,
    "pidfd_open flags": 0x800,
    "pidfd_send_signal flags": 0,
    "renameat2 flags": 0x7,
    "process_mrelease flags": 0,
    "seccomp flags": 0x3F,
    "set_mempolicy_home_node flags": 0,
    "statx flags": 0x7900,
    "timerfd_create flags": 0x80800,
}
# linux-source-6.12, 6.12.117: what differs.
SIZES_6_12 = SIZES | {
    "bpf": 152,
    "landlock_create_ruleset": 24,
    "listmount": 32,
    "perf_event_open": 136,
    "statmount": 32,
}
MASKS_6_12 = MASKS | {
    "openat2 open_how.flags": 0x7FFFC3 | 0x2000000,  # FMODE_NONOTIFY has moved
    "perf_event_open perf_event_attr.branch_sample_type": 0xFFFFF,
    "landlock_create_ruleset landlock_ruleset_attr.handled_access_fs": 0xFFFF,
    "landlock_create_ruleset landlock_ruleset_attr.handled_access_net": 0x3,
    "landlock_create_ruleset landlock_ruleset_attr.scoped": 0x3,
    "fchmodat2 flags": 0x1100,
    "fsconfig cmd": 0x1FF,  # FSCONFIG_CMD_CREATE_EXCL
    "futex_wait flags": 0x80,
    "futex_wake flags": 0x80,
    "io_uring_enter flags": 0x2F,
    "listmount flags": 0x1,
    "membarrier cmd": 0x3FF,
    "move_mount flags": 0x377,
    "mseal flags": 0,
    "name_to_handle_at flag": 0x1601,
    "pidfd_open flags": 0x880,
    "pidfd_send_signal flags": 0x7,
    "statmount flags": 0,
}
LATER_6_12 = ["file_getattr", "file_setattr", "getxattrat", "listns", "open_tree_attr", "setxattrat"]
LATER = [*LATER_6_12, "fchmodat2", "futex_wait", "futex_wake", "listmount", "mseal", "statmount"]


@pytest.mark.parametrize(
    ("package", "sizes", "masks", "later"),
    [
        pytest.param("linux-image-amd64", SIZES, MASKS, LATER, id="6.1"),
        pytest.param("linux-image-6.12-amd64", SIZES_6_12, MASKS_6_12, LATER_6_12, id="6.12"),
    ],
)
async def test_the_static_program_tells_a_kernels_sizes_and_masks_and_leaves_it_as_it_was(
    tmp_path, package, sizes, masks, later
):
    try:
        kernel = await open_kernel(f"deb:{package}")
    except PumphouseError as error:
        pytest.skip(f"{package} cannot be had here ({error.text.what}): add Debian 12's security archive")
    release = (6, 12) if sizes is SIZES_6_12 else (6, 1)
    if read_release(kernel.release) != release:
        pytest.skip(f"{package} is {kernel.release} here, and the masks are those of {release}")
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
    result = await boot_with_retry(QemuBoard(Machine()), kernel, job)
    assert result.exit_code == 0
    told = json.loads(result.files["probe.json"])
    assert told["release"] == kernel.release
    calls = {call["name"]: call for call in told["calls"]}
    assert {name: calls[name]["size"] for name in sizes} == sizes
    words = {f"{call['name']} {word['name']}": word for call in told["calls"] for word in call["words"]}
    assert {name: words[name]["mask"] for name in masks} == {name: hex(mask) for name, mask in masks.items()}
    assert {words[name]["state"] for name in masks} == {"answered"}
    assert words["io_uring_enter flags"]["undecided"] == "0x10"
    scoped = words["landlock_create_ruleset landlock_ruleset_attr.scoped"]["state"]
    assert scoped == ("answered" if sizes is SIZES_6_12 else "absent")
    assert {name: calls[name]["presence"] for name in later} == dict.fromkeys(later, "missing")
    assert result.files["after"] == result.files["before"], "the kernel said something"
    assert result.files["mounts-after"] == result.files["mounts-before"]
    assert b"probe" not in result.files["processes"]

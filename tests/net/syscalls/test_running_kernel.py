# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The running kernel against the masks in its source. Only system calls; no network."""

from __future__ import annotations

import os
from functools import cache

import pytest

from pumphouse.syscalls.domain.probe.report import Presence, State
from pumphouse.syscalls.domain.release import read_release
from pumphouse.syscalls.probe import probe

pytestmark = pytest.mark.net

# What the sources of 6.18 accept; later releases may accept more.
MASKS = {
    "openat2 open_how.flags": 0x7FFFC3,
    "openat2 open_how.mode": 0o7777,
    "openat2 open_how.resolve": 0x3F,
    "clone3 clone_args.flags": 0x3FFBFFF80,
    "sched_setattr flags": 0,
    "sched_setattr sched_attr.sched_flags": 0x7F,
    "sched_getattr flags": 0,
    "perf_event_open flags": 0xF,
    "perf_event_open perf_event_attr.sample_type": 0x1FFFFFF,
    "perf_event_open perf_event_attr.read_format": 0x1F,
    "perf_event_open perf_event_attr.branch_sample_type": 0xFFFFF,
    "perf_event_open perf_event_attr.bits": 0x3FFFFFFFFF,
    "mount_setattr at_flags": 0x9900,
    "mount_setattr mount_attr.attr_set": 0x3000BF,
    "mount_setattr mount_attr.attr_clr": 0x2000FF,
    "mount_setattr mount_attr.propagation": 0x1E0000,
    "open_tree_attr flags": 0x89901,
    "landlock_create_ruleset flags": 0x3,
    "landlock_create_ruleset landlock_ruleset_attr.handled_access_fs": 0xFFFF,
    "landlock_create_ruleset landlock_ruleset_attr.handled_access_net": 0x3,
    "landlock_create_ruleset landlock_ruleset_attr.scoped": 0x3,
    "landlock_restrict_self flags": 0x7,
    "statmount flags": 0,
    "statmount mnt_id_req.param": 0x7FFF,
    "listmount flags": 0x1,
    "setxattrat at_flags": 0x1100,
    "setxattrat xattr_args.flags": 0x3,
    "getxattrat at_flags": 0x1100,
    "getxattrat xattr_args.flags": 0,
    "file_setattr at_flags": 0x1100,
    "file_setattr file_attr.fa_xflags": 0x8001FFFB,
    "file_getattr at_flags": 0x1100,
    "close_range flags": 0x6,
    "dup3 flags": 0x80000,
    "epoll_create1 flags": 0x80000,
    "eventfd2 flags": 0x80801,
    "faccessat2 flags": 0x1300,
    "faccessat2 mode": 0x7,
    "fchmodat2 flags": 0x1100,
    "fsconfig cmd": 0x1FF,
    "fsmount flags": 0x1,
    "fsmount attr_flags": 0x2000BF,
    "fsopen flags": 0x1,
    "fspick flags": 0xF,
    "futex_wait flags": 0x8C,
    "futex_waitv flags": 0,
    "futex_waitv futex_waitv.flags": 0x8C,
    "futex_waitv futex_waitv.flags.size": 0x4,
    "futex_wake flags": 0x8C,
    "getrandom flags": 0x7,
    "io_uring_enter flags": 0xFF,
    "io_uring_enter io_uring_sqe.flags": 0x7F,
    "io_uring_setup io_uring_params.flags": 0x7FFFF,
    "io_uring_setup io_uring_params.features": 0x3FFFF,
    "landlock_add_rule flags": 0,
    "lsm_list_modules flags": 0,
    "madvise behavior": (1 << 25) - 1,
    "membarrier cmd": 0x3FF,
    "mlock2 flags": 0x1,
    "move_mount flags": 0x377,
    "mseal flags": 0,
    "name_to_handle_at flag": 0x1603,
    "open_tree flags": 0x89901,
    "pidfd_getfd flags": 0,
    "pidfd_open flags": 0x880,
    "pidfd_send_signal flags": 0x7,
    "process_madvise flags": 0,
    "process_mrelease flags": 0,
    "renameat2 flags": 0x7,
    "seccomp flags": 0x3F,
    "seccomp seccomp.action": 0xFF,
    "set_mempolicy_home_node flags": 0,
    "signalfd4 flags": 0x80800,
    "splice flags": 0xF,
    "statx flags": 0x7900,
    "timerfd_create flags": 0x80800,
    "timerfd_settime flags": 0x3,
}
SIZES = {
    "openat2": 24,
    "clone3": 88,
    "sched_setattr": 56,
    "perf_event_open": 136,
    "mount_setattr": 32,
    "open_tree_attr": 32,
    "landlock_create_ruleset": 24,
    "bpf": 168,
    "statmount": 32,
    "listmount": 32,
    "setxattrat": 16,
    "getxattrat": 16,
    "file_setattr": 24,
}

RELEASE = read_release(os.uname().release)
needs_6_18 = pytest.mark.skipif(RELEASE < (6, 18), reason="the masks are those of Linux 6.18; boot it or a later one")


@cache
def report():
    return probe(cache=False)


def call(name):
    found = report().call(name)
    if found.presence is not Presence.PRESENT:
        pytest.skip(f"{name} is {found.presence} here ({found.how}): run as root, on a kernel with it, without filters")
    return found


@needs_6_18
@pytest.mark.parametrize("name", MASKS)
def test_a_word_of_the_running_kernel_equals_the_mask_in_its_source(name):
    word = call(name.split()[0]).word(name.split()[1])
    if word.state is State.UNKNOWN and os.geteuid() != 0:
        pytest.skip("needs root")
    assert word.state is State.ANSWERED, word.how
    assert word.undecided == 0
    if RELEASE == (6, 18):
        assert hex(word.mask) == hex(MASKS[name])
    else:
        assert word.mask & MASKS[name] == MASKS[name]


@needs_6_18
@pytest.mark.parametrize("name", SIZES)
def test_a_size_of_the_running_kernel_equals_the_struct_in_its_source(name):
    found = call(name)
    assert found.size == SIZES[name] if RELEASE == (6, 18) else found.size >= SIZES[name]

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the lab needs of a machine, and what parts need that only the lab knows how to try."""

from __future__ import annotations

from pumphouse.core.doctor import Check, program_check
from pumphouse.lab.bpf import look_at_bpf, look_at_xdp
from pumphouse.lab.kvm import look_at_kvm


def lab_checks() -> list[Check]:
    """The lab's checks."""
    build = "gcc make flex bison bc libelf-dev libssl-dev kmod xz-utils"
    return [
        program_check(
            name="QEMU",
            needed_by="lab",
            purpose="boots kernels without a board",
            package="qemu-system-x86",
            programs=["qemu-system-x86_64"],
        ),
        Check(
            name="KVM",
            needed_by="lab",
            purpose="boots guests at the processor's speed; without it they are emulated",
            look=look_at_kvm,
            remedy="on real hardware: load kvm_intel or kvm_amd, and join the group kvm; emulation works without",
        ),
        program_check(
            name="busybox",
            needed_by="lab",
            purpose="the guest's shell and tools",
            package="busybox-static",
            programs=["busybox"],
            version_argument="--help",
        ),
        program_check(
            name="rt-tests",
            needed_by="latency",
            purpose="cyclictest measures and hackbench loads, in the guest",
            package="rt-tests",
            programs=["cyclictest", "hackbench"],
            version_argument="",
        ),
        program_check(
            name="kernel build",
            needed_by="lab",
            purpose="builds kernels from source",
            package=build,
            programs=["gcc", "make", "flex", "bison", "bc", "xz"],
        ),
        program_check(
            name="clang",
            needed_by="pgo packetlua",
            purpose="kernels with ThinLTO, BPF from C",
            package="clang lld llvm",
            programs=["clang"],
        ),
        Check(
            name="BPF",
            needed_by="packetlua",
            purpose="policies that the kernel runs",
            look=look_at_bpf,
            remedy="run as root or with CAP_BPF, on a kernel with CONFIG_BPF_SYSCALL and CONFIG_DEBUG_INFO_BTF",
        ),
        Check(
            name="XDP",
            needed_by="packetlua",
            purpose="policies on the packet path",
            look=look_at_xdp,
            remedy="run as root or with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN (for the trial's namespace)",
        ),
    ]

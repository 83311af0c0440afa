# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""sys_features() in kernels that are built here and booted: declared is accepted, bit by bit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from pumphouse.core.cache import cache_dir
from pumphouse.lab.board import BootJob, QemuBoard, boot_with_retry
from pumphouse.lab.image import Manifest
from pumphouse.lab.open import open_kernel
from pumphouse.lab.patch import patched_identity, read_patch
from pumphouse.lab.qemu import Machine
from pumphouse.lab.tree import open_tree
from pumphouse.syscalls.commands.features import SERIES
from pumphouse.syscalls.domain.features.answer import Kind, parse_answer
from pumphouse.syscalls.domain.features.catalogue import read_catalogue
from pumphouse.syscalls.domain.features.header import write_header
from pumphouse.syscalls.domain.features.series import read_new_file
from pumphouse.syscalls.domain.features.text import describe_answer

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no QEMU: make setup"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: make setup"),
]

SELFTEST = "tools/testing/selftests/sys_features/sys_features_test.c"

# What the sources say, in the configuration guest+syscalls: (call, word) -> mask.
COMMON = {
    ("openat2", "open_how.flags"): 0x7FFFC3,
    ("openat2", "open_how.mode"): 0o7777,
    ("openat2", "open_how.resolve"): 0x3F,
    ("clone3", "clone_args.flags"): 0x3FFBFFF80,
    ("sched_setattr", "flags"): 0,
    ("sched_setattr", "sched_attr.sched_flags"): 0x7F,
    ("mount_setattr", "flags"): 0x9900,
    ("mount_setattr", "mount_attr.attr_set"): 0x3000BF,
    ("mount_setattr", "mount_attr.attr_clr"): 0x2000FF,
    ("mount_setattr", "mount_attr.propagation"): 0x1E0000,
    ("landlock_create_ruleset", "flags"): 0x3,
    ("perf_event_open", "flags"): 0xF,
    ("perf_event_open", "perf_event_attr.read_format"): 0x1F,
    ("futex_waitv", "flags"): 0,
    ("futex_waitv", "futex_waitv.flags"): 0x82,
    ("close_range", "flags"): 0x6,
    ("getrandom", "flags"): 0x7,
    ("sys_features", "flags"): 0,
}
TRUTH = {
    "6.1": COMMON
    | {
        ("landlock_create_ruleset", "landlock_ruleset_attr.handled_access_fs"): 0x3FFF,
        ("io_uring_setup", "io_uring_params.flags"): 0x3FFF,
        ("pidfd_open", "flags"): 0x800,
    },
    "6.12": COMMON
    | {
        ("landlock_create_ruleset", "landlock_ruleset_attr.handled_access_fs"): 0xFFFF,
        ("landlock_create_ruleset", "landlock_ruleset_attr.handled_access_net"): 0x3,
        ("landlock_create_ruleset", "landlock_ruleset_attr.scoped"): 0x3,
        ("io_uring_setup", "io_uring_params.flags"): 0x1FFFF,
        ("pidfd_open", "flags"): 0x880,
        ("statmount", "flags"): 0,
        ("statmount", "mnt_id_req.param"): 0xFF,
        ("listmount", "flags"): 0x1,
        ("cachestat", "flags"): 0,
        ("fchmodat2", "flags"): 0x1100,
    },
}
SIZES = {
    "6.1": {"openat2": 24, "clone3": 88, "sched_setattr": 56, "mount_setattr": 32, "landlock_create_ruleset": 8},
    "6.12": {"openat2": 24, "clone3": 88, "sched_setattr": 56, "mount_setattr": 32, "landlock_create_ruleset": 24}
    | {"statmount": 32, "listmount": 32, "perf_event_open": 136},
}

DUMP = """\
#include "sysf.h"
#include <stdio.h>
static void dump(const char *name, unsigned int nr)
{
	unsigned char bytes[4096];
	long i, total = syscall(SYSF_NR_sys_features, nr, bytes, sizeof(bytes), 0u);

	printf("%s %ld ", name, total < 0 ? -(long)errno : total);
	for (i = 0; i < total; i++)
		printf("%02x", bytes[i]);
	printf("\\n");
}
int main(void)
{
"""


def is_built(version):
    wanted = patched_identity_suffix(version)
    for metadata in cache_dir("kernels").glob("*/metadata.json"):
        known = json.loads(metadata.read_bytes())
        built = (metadata.parent / "bzImage").exists() and known["fragments"] == ["guest", "syscalls"]
        if built and known["tree_identity"].endswith(wanted):
            return True
    return False


def patched_identity_suffix(version):
    class Nothing:
        identity = ""

    return patched_identity(Nothing(), [read_patch(SERIES[version])])


def compile_static(folder, source, name):
    command = ["gcc", "-static", "-O2", "-Wall", "-Werror", f"-I{folder}", "-o", folder / name, folder / source]
    subprocess.run(command, check=True)
    return (folder / name).read_bytes()


@pytest.fixture(params=["6.1", "6.12"])
def version(request):
    if not is_built(request.param) and not os.environ.get("PUMPHOUSE_TEST_BUILD"):
        pytest.skip(f"builds {request.param} with the patch, 5 minutes on two cores: PUMPHOUSE_TEST_BUILD=1 make vm")
    return request.param


async def test_what_a_patched_kernel_declares_is_what_it_accepts(version, tmp_path):
    catalogue = read_catalogue()
    series = SERIES[version].read_text()
    tree = await open_tree(f"deb:linux-source-{version}")
    (tmp_path / "selftest").mkdir()
    (tmp_path / "linux").mkdir()
    shutil.copy(tree.path / "tools/testing/selftests/kselftest.h", tmp_path / "kselftest.h")
    (tmp_path / "linux/sys_features.h").write_text(read_new_file(series, "include/uapi/linux/sys_features.h"))
    (tmp_path / "selftest/test.c").write_text(read_new_file(series, SELFTEST))
    (tmp_path / "sysf.h").write_text(write_header(catalogue))
    lines = [f'\tdump("{name}", SYSF_NR_{name});' for name in catalogue]
    (tmp_path / "dump.c").write_text("\n".join([DUMP, *lines, "\treturn 0;\n}\n"]))
    programs = {"/selftest": "selftest/test.c", "/dump": "dump.c"}
    files = {path: compile_static(tmp_path, source, path[1:] + ".bin") for path, source in programs.items()}

    kernel = await open_kernel(f"src:deb:linux-source-{version}?patch={SERIES[version]}&config=guest&config=syscalls")
    job = (
        "for name in selftest dump; do cat /$name > /bin/$name; chmod +x /bin/$name; /bin/$name > $name.txt 2>&1; done"
    )
    result = await boot_with_retry(
        QemuBoard(Machine(mode="mttcg")), kernel, BootJob(manifest=Manifest(files=files, job=job))
    )

    said = result.files["selftest.txt"].decode()
    assert " fail:0 " in said, said
    declared = {}
    for name, total, *bytes_ in (line.split() for line in result.files["dump.txt"].decode().splitlines()):
        if int(total) > 0:
            answer = parse_answer(bytes.fromhex(bytes_[0]), int(total))
            assert answer.unknown == 0
            assert answer.complete
            assert not answer.off
            declared[name] = describe_answer(catalogue[name], answer)
    masks = {(name, word["id"]): word["mask"] for name, call in declared.items() for word in call["words"]}
    masks.pop(("perf_event_open", "perf_event_attr.sample_type"))  # grows with each release; its witness is below
    assert masks == TRUTH[version]
    assert {name: declared[name]["sizes"][-1] for name in SIZES[version]} == SIZES[version]

    # Each word that is declared has been tried bit by bit, and nothing else was accepted.
    pattern = r"^# word (\w+) kind (\d) arg (\d) offset (\d+) width \d declared (\w+) accepted (\w+)$"
    tried = {
        (name, int(kind), int(arg), int(offset)): (int(wanted, 0), int(got, 0))
        for name, kind, arg, offset, wanted, got in re.findall(pattern, said, re.MULTILINE)
    }
    words = {
        (name, int(Kind[word["kind"].upper()]), word["arg"], word["offset"]): word["mask"]
        for name, call in declared.items()
        for word in call["words"]
        if word["kind"] != "known"
    }
    assert {place: wanted for place, (wanted, _) in tried.items()} == words
    assert {place: got for place, (_, got) in tried.items()} == words

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""sys_features() in kernels that are built here and booted: declared is accepted, bit by bit."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from patched_kernels import compile_static, run_programs, skip_unless_built, specification
from pumphouse.lab.open import open_kernel
from pumphouse.lab.tree import open_tree
from pumphouse.syscalls.commands.features import SERIES
from pumphouse.syscalls.domain.features.answer import Kind, parse_answer
from pumphouse.syscalls.domain.features.catalogue import read_catalogue
from pumphouse.syscalls.domain.features.header import write_header
from pumphouse.syscalls.domain.features.series import read_new_file
from pumphouse.syscalls.domain.features.text import describe_answer
from pumphouse.syscalls.header import make_header

pytestmark = [
    pytest.mark.vm,
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no QEMU: make setup"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: make setup"),
]

FRAGMENTS = ("guest", "syscalls", "sys_features")
SELFTEST = "tools/testing/selftests/sys_features/sys_features_test.c"

# What the sources say, as guest+syscalls configures them (without cachestat, which so tells nothing).
COMMON = {
    ("openat2", "open_how.flags"): 0x7FFFC3,
    ("openat2", "open_how.mode"): 0o7777,
    ("openat2", "open_how.resolve"): 0x3F,
    ("clone3", "clone_args.flags"): 0x3FFBFFF80,
    ("sched_setattr", "flags"): 0,
    ("sched_setattr", "sched_attr.sched_flags"): 0x7F,
    ("mount_setattr", "at_flags"): 0x9900,
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


@pytest.fixture(params=["6.1", "6.12"])
def version(request):
    skip_unless_built(request.param, [SERIES[request.param]], FRAGMENTS)
    return request.param


async def test_what_a_patched_kernel_declares_is_what_it_accepts(version, tmp_path):
    catalogue = read_catalogue()
    series = SERIES[version].read_text()
    tree = await open_tree(f"deb:linux-source-{version}")
    (tmp_path / "selftest").mkdir()
    (tmp_path / "linux").mkdir()
    shutil.copy(tree.path / "tools/testing/selftests/kselftest.h", tmp_path / "kselftest.h")
    (tmp_path / "linux/sys_features.h").write_text(read_new_file(series, "include/uapi/linux/sys_features.h"))
    (tmp_path / "selftest/selftest.c").write_text(read_new_file(series, SELFTEST))
    (tmp_path / "sysf.h").write_text(write_header(catalogue))
    lines = [f'\tdump("{name}", SYSF_NR_{name});' for name in catalogue]
    (tmp_path / "dump.c").write_text("\n".join([DUMP, *lines, "\treturn 0;\n}\n"]))
    (tmp_path / "witness.c").write_text(f"#define PUMPHOUSE_PROBE_MAIN\n{make_header()}")
    programs = {name: compile_static(tmp_path, f"{name}.c") for name in ("selftest/selftest", "dump", "witness")}
    kernel = await open_kernel(specification(version, [SERIES[version]], FRAGMENTS))
    told, _ = await run_programs(kernel, {name.rpartition("/")[2]: program for name, program in programs.items()})

    said = told["selftest"]
    assert " fail:0 " in said, said
    declared = {}
    for name, total, *bytes_ in (line.split() for line in told["dump"].splitlines()):
        if name != "exit" and int(total) > 0:
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

    # The second witness is the prober, which knows nothing of the declarations.
    report = json.loads(told["witness"].rpartition("exit ")[0])
    probed = {
        (call["name"], word["name"]): int(word["mask"], 0)
        for call in report["calls"]
        for word in call["words"]
        if call["name"] in declared and word["state"] == "answered" and not word["enumeration"]
    }
    futex = ("futex_waitv", "futex_waitv.flags")
    probed[futex] |= 2  # to the prober the size is a value in two bits, to the declaration the bit of 32
    both = probed.keys() & masks.keys()
    assert len(both) >= {"6.1": 14, "6.12": 18}[version], sorted(masks.keys() - probed.keys())
    assert {place: probed[place] for place in both} == {place: masks[place] for place in both}
    sizes = {call["name"]: call["size"] for call in report["calls"] if call["size"] and call["name"] in SIZES[version]}
    assert sizes == {name: SIZES[version][name] for name in sizes}

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The linter on Debian's kernel sources, held to what is known of them from the outside: tables, compiler, masks."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from kernel_sources import find_source
from pumphouse.syscalls.domain.extensible import find_extensibles, find_sites
from pumphouse.syscalls.domain.lint import find_all
from pumphouse.syscalls.domain.masks import accepted_of, masks_of, trace_call, words_of
from pumphouse.syscalls.domain.rules.r8 import find_selector
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.tree import read_tree

pytestmark = pytest.mark.net

SERIES = ["6.1", "6.12"]
SIZES = {
    "6.1": {
        ("perf_event_open", "perf_event_attr"): (64, 72, 80, 96, 104, 112, 120, 128),
        ("sched_setattr", "sched_attr"): (48, 56),
        ("sched_getattr", "sched_attr"): (48, 56),
        ("bpf", "bpf_attr"): (144,),
        ("clone3", "clone_args"): (64, 80, 88),
        ("openat2", "open_how"): (24,),
        ("mount_setattr", "mount_attr"): (32,),
        ("landlock_create_ruleset", "landlock_ruleset_attr"): (8,),
        ("seccomp_notify_addfd()", "seccomp_notif_addfd"): (24,),
        ("io_openat2_prep()", "open_how"): (24,),
    }
}
SIZES["6.12"] = SIZES["6.1"] | {
    ("perf_event_open", "perf_event_attr"): (64, 72, 80, 96, 104, 112, 120, 128, 136),
    ("bpf", "bpf_attr"): (152,),
    ("landlock_create_ruleset", "landlock_ruleset_attr"): (24,),
    ("statmount", "mnt_id_req"): (24, 32),
    ("listmount", "mnt_id_req"): (24, 32),
    ("lsm_set_self_attr", "lsm_ctx"): (32,),
    ("lsm_get_self_attr", "lsm_ctx"): (32,),
    ("do_procmap_query()", "procmap_query"): (104,),
}
# Read off the sources by hand; openat2, clone3, sched_setattr and mount_setattr were confirmed on a booted 6.1.
MASKS = {
    "openat2": {"open_how.flags": 0x7FFFC3, "open_how.mode": 0o7777, "open_how.resolve": 0x3F},
    "clone3": {"clone_args.flags": 0x3FFBFFF80, "clone_args.exit_signal": 0xFF},
    "mount_setattr": {"flags": 0x9900, "mount_attr.attr_set": 0x3000FF, "mount_attr.propagation": 0x1E0000},
    "sched_setattr": {"flags": 0, "sched_attr.sched_flags": 0x7F},
    "sched_getattr": {"flags": 0},
    "perf_event_open": {"flags": 0xF, "perf_event_attr.read_format": 0x1F},
    "landlock_create_ruleset": {},
    "futex_waitv": {"flags": 0},
    "faccessat2": {"flags": 0x1300},
}
NEWER_MASKS = {
    "statmount": {"flags": 0},
    "listmount": {"flags": 1},
    "landlock_create_ruleset": {
        "landlock_ruleset_attr.handled_access_fs": 0xFFFF,
        "landlock_ruleset_attr.handled_access_net": 0x3,
        "landlock_ruleset_attr.scoped": 0x3,
    },
    "fchmodat2": {"flags": 0x1100},
    "cachestat": {"flags": 0},
    "mseal": {"flags": 0},
}
MULTIPLEXERS = frozenset(
    re.findall(
        r"\w+",
        "ioctl fcntl prctl arch_prctl ptrace bpf seccomp keyctl futex io_uring_register fsconfig quotactl quotactl_fd "
        "ipc semctl getsockopt setsockopt syslog reboot sysfs modify_ldt landlock_add_rule msgctl shmctl socketcall",
    )
)
SELECTORS = frozenset(
    re.findall(
        r"\w+",
        "flock getpriority setpriority getitimer setitimer waitid ioprio_set ioprio_get openat2 clone3 statx "
        "mount_setattr swapon swapoff lseek socket renameat2",
    )
)


@pytest.fixture(scope="module", params=SERIES)
def source(request):
    """A release, its folder and the tree that was read of it."""
    folder = find_source(request.param)
    return request.param, folder, read_tree(folder)


def test_every_call_with_a_struct_that_can_grow_is_found_with_its_sizes(source):
    series, _, tree = source
    found = {(name, item.tag): item.sizes for name, items in find_extensibles(tree).items() for item in items}
    found |= {(item.call, item.tag): item.sizes for item in find_sites(tree)}
    assert {key: found.get(key) for key in SIZES[series]} == SIZES[series]


def test_masks_are_those_that_kernels_accept(source):
    series, _, tree = source
    expected = MASKS | (NEWER_MASKS if series == "6.12" else {})
    found = masks_of(tree)
    for name, words in expected.items():
        assert {word: found.get(name, {}).get(word) for word in words} == words, name


def test_what_openat2_accepts_is_more_than_what_is_valid(source):
    series, _, tree = source
    dropped = {"6.1": 0x4000000, "6.12": 0x2000000}[series]
    assert accepted_of(tree)["openat2"]["open_how.flags"] == 0x7FFFC3 | dropped


def test_a_list_of_values_is_no_mask(source):
    _, _, tree = source
    word = words_of(tree, trace_call(tree, tree.natives["landlock_create_ruleset"]))["flags"]
    assert word.mask is None
    assert set(word.values) <= {0, 1, 2}
    assert {0, 1} <= set(word.values)


def test_the_bits_that_openat2_drops_are_found_and_the_model_calls_have_no_other_finding(source):
    series, _, tree = source
    findings = find_all(tree)[1]
    removed = {"6.1": 0x4000000, "6.12": 0x2000000}[series]
    about = [finding for finding in findings if finding.syscall == "openat2"]
    assert [finding.rule for finding in about] == ["R2"]
    assert f"loses {removed:#x} before" in about[0].message
    assert [finding.rule for finding in findings if finding.syscall == "mount_setattr"] == []
    assert {finding.rule for finding in findings if finding.syscall == "clone3"} <= {"R12"}
    deliberate = [finding for finding in findings if finding.syscall == "seccomp_notify_addfd()"]
    assert [(finding.rule, finding.severity) for finding in deliberate] == [("R5", "warning")]
    assert any(finding.rule == "R5" and finding.syscall == "io_openat2_prep()" for finding in findings)


def test_counts_are_those_of_the_tables(source):
    """A .tbl has an entry for each line that begins with a number, a header one for each use of __SYSCALL and kin."""
    _, folder, tree = source
    for table in tree.tables:
        text = (folder / table.file).read_text()
        if table.kind == "tbl":
            lines = [line for line in text.splitlines() if re.match(r"\s*\d+\s+\S", line)]
        else:
            lines = re.findall(r"^__S(?:YSCALL|C_COMP|C_3264|C_COMP_3264)\(\w+,", text, re.MULTILINE)
        assert len(table.entries) == len(lines), table.file
    assert sum(table.label == "x86-64" for table in tree.tables) == 1
    assert not [finding for finding in find_all(tree)[1] if finding.rule == "R9" and finding.severity == "error"]


def test_multiplexers_are_told_from_selectors(source):
    subject = Subject(source[2])
    found = {name for name, call in subject.calls.items() if find_selector(subject, call)}
    present = set(subject.calls)
    assert (MULTIPLEXERS & present) - found == set()
    assert SELECTORS & found == set()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: make setup installs it")
def test_layouts_are_those_of_the_compiler(source, tmp_path):
    series, folder, tree = source
    tags = sorted({tag for _, tag in SIZES[series]} | {"io_uring_params", "futex_waitv", "statx"})
    lines, headers = [], set()
    for tag in tags:
        kind = "union" if tag == "bpf_attr" else "struct"
        place = tree.headers.place(tag, kind)
        headers.add(place.file.removeprefix("include/uapi/"))
        layout = tree.headers.layout(tag, kind)
        lines.append(f'_Static_assert(sizeof({kind} {tag}) == {layout.size}, "{tag}");')
        for field in layout.fields:
            if field.name and not field.bits and "." not in field.name:
                offset = f"__builtin_offsetof({kind} {tag}, {field.name})"
                lines.append(f'_Static_assert({offset} == {field.offset}, "{tag}.{field.name}");')
    program = tmp_path / "layouts.c"
    program.write_text("".join(f"#include <{header}>\n" for header in sorted(headers)) + "\n".join(lines) + "\n")
    (tmp_path / "linux").mkdir()
    for name in ("compiler_types.h", "compiler.h"):  # what a kernel has around its uapi headers
        (tmp_path / "linux" / name).touch()
    folders = ["-I", str(tmp_path), "-I", str(folder / "include/uapi")]
    argv = [
        "gcc",
        "-fsyntax-only",
        "-w",
        "-D__user=",
        "-D__force=",
        "-D__bitwise=",
        "-D__attribute_const__=",
        *folders,
        str(program),
    ]
    compiled = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr[-2000:]
    assert len(lines) > 100

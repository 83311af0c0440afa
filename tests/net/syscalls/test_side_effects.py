# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Many probes leave the process and the machine as they were: PUMPHOUSE_TEST_ROUNDS of them, 20 without it."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
from pathlib import Path

import msgspec
import pytest

from confinement import NEWNS, in_a_child, unshare
from pumphouse.syscalls.probe import probe
from pumphouse.syscalls.recipes import read_recipes

pytestmark = pytest.mark.net

ROUNDS = int(os.environ.get("PUMPHOUSE_TEST_ROUNDS", "20"))
STATUS = re.compile(
    r"^(?:Umask|Uid|Gid|Groups|Threads|ShdPnd|Sig(?!Q)\w+|Cap\w+|NoNewPrivs|Seccomp\w*|Cpus_allowed|Mems_allowed|TracerPid):.*$",
    re.MULTILINE,
)


def descriptors():
    return {file.name: str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()}


def look():
    """Everything of the process and its surroundings that a probe could have changed."""
    me = os.getpid()
    return {
        "descriptors": descriptors(),
        "children": Path(f"/proc/self/task/{me}/children").read_text(),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "namespaces": {file.name: str(file.readlink()) for file in Path("/proc/self/ns").iterdir()},
        "status": STATUS.findall(Path("/proc/self/status").read_text()),
        "policy": [os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, os.getpriority(os.PRIO_PROCESS, 0)],
        "affinity": sorted(os.sched_getaffinity(0)),
        "limits": {
            name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT")
        },
        "cgroups": Path("/proc/self/cgroup").read_text(),
        "keys": Path("/proc/keys").read_text().count("\n") if Path("/proc/keys").exists() else 0,
        "maps": len(Path("/proc/self/maps").read_text().splitlines()) // 20,
        "directory": str(Path.cwd()),
    }


def twins():
    """Processes with our command line: a child that clone3() really made would be one."""
    mine = Path("/proc/self/cmdline").read_bytes()
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += (folder / "cmdline").read_bytes() == mine
    return found


def kernel_log():
    """What the kernel said so far, by sequence numbers; None where we may not read it."""
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    lines = []
    try:
        while True:
            lines.append(os.read(log, 8192))
    except BlockingIOError:
        return lines
    finally:
        os.close(log)


def said_of_us(lines):
    """Lines of the log that a probe could have caused. Filters of other tests cause 1326; here there is no filter."""
    lines = [line for line in lines if b"type=1326" not in line and b"kauditd_printk_skb" not in line]
    return [line for line in lines if re.search(rb"audit|python|syscall|landlock|io_uring|memfd|clone|perf", line)]


def pids_of_cgroup():
    """How many processes the cgroup had at its peak, where the controller tells."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        base = Path("/sys/fs/cgroup") / ("pids" if "pids" in controllers else "")
        for name in ("pids.peak", "pids.current"):
            file = base / path.lstrip("/") / name
            if file.exists():
                return int(file.read_text())
    return None


def rounds():
    """Look, probe, look again; in a mount namespace of our own where we may, because others mount things too."""
    with contextlib.suppress(OSError):
        unshare(NEWNS)
    read_recipes()
    first = probe(cache=False)
    before, log, ours, peak = look(), kernel_log(), twins(), pids_of_cgroup()
    same = all(probe(cache=False).calls == first.calls for _ in range(ROUNDS))
    said = [] if log is None else said_of_us(kernel_log()[len(log) :])
    after = look()
    return msgspec.json.encode(
        {
            "same answers": same,
            "before": before,
            "after": after,
            "twins": twins() - ours,
            "said": [line.decode(errors="replace") for line in said],
            "peak": (pids_of_cgroup() or 0) - (peak or 0),
        }
    )


def test_rounds_of_probes_leave_everything_as_it_was():
    told = msgspec.json.decode(in_a_child(rounds))
    assert told["same answers"]
    assert told["after"] == told["before"]
    assert told["twins"] == 0
    assert told["said"] == []
    assert told["peak"] <= 16, "a child that stays for each round would show"


def test_no_child_is_left_to_wait_for():
    probe(cache=False)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_signals_and_timers_of_the_caller_stay_its_own():
    import signal

    got = []
    old = signal.signal(signal.SIGALRM, lambda *_: got.append("alarm"))
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        probe(["openat2"], cache=False)
        assert 50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
        assert got == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_a_caller_with_busy_threads_is_told_the_same():
    first = probe(cache=False)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            msgspec.json.decode(msgspec.json.encode(first.to_data()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert probe(cache=False).calls == first.calls
    finally:
        stop.set()
        for thread in threads:
            thread.join()

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Probes under filters, without rights, in namespaces and without descriptors: right words, no crash."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal

import pytest

from confinement import ERRNO, KILL_PROCESS, KILL_THREAD, NEWNS, NEWUSER, TRAP, install_filter, probe_confined, unshare
from pumphouse.syscalls.domain.probe.report import Presence, State
from pumphouse.syscalls.probe import probe, probe_plans
from pumphouse.syscalls.recipes import read_recipes

pytestmark = [pytest.mark.net]

PLANS = read_recipes()
MACHINE = platform.machine()
LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(scope="module")
def free():
    return probe(cache=False)


def present(free, name):
    if free.call(name).presence is not Presence.PRESENT:
        pytest.skip(f"{name} is {free.call(name).presence} here: boot a kernel that has it")


def confined(name, action):
    return probe_confined(lambda: install_filter([PLANS[name].number.on(MACHINE)], action), list(PLANS.values()))


def untouched(report, free, *names):
    """Every other call is told as without the filter."""
    for call in report.calls:
        if call.name not in names and free.call(call.name).presence is Presence.PRESENT:
            assert call == free.call(call.name)


@pytest.mark.parametrize("name", PLANS)
def test_eperm_of_a_filter_is_told_from_missing_and_from_rights(free, name):
    present(free, name)
    told = probe_confined(
        lambda: install_filter([PLANS[name].number.on(MACHINE)], ERRNO | errno.EPERM), [PLANS[name]]
    ).call(name)
    assert told.how == "EPERM"
    assert told.presence is (Presence.UNDECIDED if PLANS[name].presence_rights else Presence.SECCOMP)
    assert told.words == ()


@pytest.mark.parametrize("name", PLANS)
def test_enosys_of_a_filter_is_not_told_as_missing(free, name):
    present(free, name)
    told = probe_confined(
        lambda: install_filter([PLANS[name].number.on(MACHINE)], ERRNO | errno.ENOSYS), [PLANS[name]]
    ).call(name)
    assert told.how == "ENOSYS"
    assert told.presence is (Presence.UNDECIDED if PLANS[name].optional else Presence.SECCOMP)


@pytest.mark.parametrize("action", [KILL_PROCESS, KILL_THREAD, TRAP], ids=["kill process", "kill thread", "trap"])
@pytest.mark.parametrize("name", PLANS)
def test_a_filter_that_kills_costs_one_answer(free, name, action):
    present(free, name)
    if name == "getrandom":
        pytest.skip("Python itself calls it in every child: the next test tells what is said then")
    after = [PLANS[name], PLANS["openat2" if name != "openat2" else "statx"]]
    told = probe_confined(lambda: install_filter([PLANS[name].number.on(MACHINE)], action), after)
    assert (told.calls[0].presence, told.calls[0].how) == (Presence.SECCOMP, "killed")
    assert told.calls[1] == free.call(after[1].name)


def test_where_a_filter_kills_every_child_of_python_nothing_is_decided():
    getrandom = PLANS["getrandom"].number.on(MACHINE)
    told = probe_confined(lambda: install_filter([getrandom], KILL_PROCESS), list(PLANS.values()))
    assert {(call.presence, call.how) for call in told.calls} == {(Presence.UNDECIDED, "killed before any trial")}


@pytest.mark.parametrize("action", [ERRNO | errno.EPERM, KILL_PROCESS, TRAP], ids=["EPERM", "kill", "trap"])
def test_under_a_filter_of_one_call_the_others_are_told_as_before(free, action):
    present(free, "clone3")
    told = confined("clone3", action)
    assert told.call("clone3").presence is Presence.SECCOMP
    untouched(told, free, "clone3")


def test_a_filter_that_kills_for_a_call_that_only_a_recipe_needs_leaves_the_presence(free):
    present(free, "statmount")
    statx = PLANS["statx"].number.on(MACHINE)
    told = probe_confined(lambda: install_filter([statx], KILL_PROCESS), [PLANS["statmount"], PLANS["openat2"]])
    statmount = told.call("statmount")
    assert statmount.presence is Presence.PRESENT
    assert {(word.state, word.how) for word in statmount.words} == {(State.UNKNOWN, "the child ended")}
    assert told.call("openat2") == free.call("openat2")


def test_a_filter_that_kills_for_what_readies_the_child_costs_only_what_needs_it(free):
    setitimer = 38 if MACHINE == "x86_64" else 103
    told = probe_confined(lambda: install_filter([setitimer], KILL_PROCESS), list(PLANS.values()))
    assert told.call("openat2") == free.call("openat2")
    assert told.answered_words >= free.answered_words - 2


def test_filters_of_all_calls_at_once_leave_an_answer_for_each():
    plans = {name: plan for name, plan in PLANS.items() if name != "getrandom"}
    numbers = [plan.number.on(MACHINE) for plan in plans.values()]
    told = probe_confined(lambda: install_filter(numbers, KILL_PROCESS), list(plans.values()))
    assert [call.name for call in told.calls] == list(plans)
    assert {(call.presence, call.how) for call in told.calls} == {(Presence.SECCOMP, "killed")}


def needs_user_namespaces():
    pid = os.fork()
    if pid == 0:
        os._exit(LIBC.unshare(NEWUSER) != 0)
    if os.waitpid(pid, 0)[1] != 0:
        pytest.skip("no user namespaces: sysctl kernel.unprivileged_userns_clone=1, or run as root")


RIGHTS = ["fsopen", "fsmount", "fspick", "move_mount"]


def test_in_a_user_namespace_the_calls_that_need_rights_over_mounts_say_so(free):
    needs_user_namespaces()
    told = probe_confined(lambda: unshare(NEWUSER), list(PLANS.values()))
    for name in RIGHTS:
        assert (told.call(name).presence, told.call(name).how) == (Presence.RIGHTS, "EPERM")
    words = {word.name: word for word in told.call("mount_setattr").words}
    assert (words["at_flags"].mask, words["at_flags"].how) == (
        free.call("mount_setattr").word("at_flags").mask,
        "EPERM against EINVAL",
    )
    assert (words["mount_attr.attr_set"].state, words["mount_attr.attr_set"].how) == (
        State.UNKNOWN,
        "EPERM against EPERM",
    )
    for name in ("openat2", "statx", "seccomp", "landlock_create_ruleset", "perf_event_open"):
        assert [word.mask for word in told.call(name).words] == [word.mask for word in free.call(name).words]


def test_with_a_mount_namespace_of_its_own_a_user_namespace_has_the_rights(free):
    needs_user_namespaces()
    told = probe_confined(lambda: unshare(NEWUSER | NEWNS), list(PLANS.values()))
    for name in (*RIGHTS, "mount_setattr"):
        assert [word.mask for word in told.call(name).words] == [word.mask for word in free.call(name).words]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give rights up")
def test_without_capabilities_every_word_is_right_or_unknown(free):
    def drop():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    told = probe_confined(drop, list(PLANS.values()))
    right_or_unknown(told, free)
    assert told.call("fsopen").presence is Presence.RIGHTS
    for name in (
        "openat2",
        "clone3",
        "sched_setattr",
        "landlock_create_ruleset",
        "landlock_restrict_self",
        "statmount",
    ):
        assert [word.mask for word in told.call(name).words] == [word.mask for word in free.call(name).words]


def right_or_unknown(told, free):
    for call in told.calls:
        if call.presence is Presence.PRESENT:
            for word in call.words:
                if word.state is State.ANSWERED:
                    other = free.call(call.name).word(word.name)
                    assert word.mask & ~word.undecided == other.mask & ~word.undecided, (call.name, word)
                else:
                    assert word.mask == 0


@pytest.mark.parametrize("hard", [False, True], ids=["soft limit", "hard limit"])
def test_with_no_descriptors_left_the_answers_are_the_same(free, hard):
    def exhaust():
        limit = os.dup(0) + 8
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit if hard else 4096))
        for _ in range(limit):
            with contextlib.suppress(OSError):
                os.dup(0)
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(0)

    told = probe_confined(exhaust, list(PLANS.values()))
    assert told.calls == free.calls


def test_a_caller_that_ignores_sigchld_or_blocks_signals_is_told_the_same(free):
    def confine():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGSYS})

    assert probe_confined(confine, list(PLANS.values())).calls == free.calls


def test_where_no_child_can_be_made_nothing_is_decided(free, monkeypatch):
    def refuse():
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    told = probe_plans(list(PLANS.values()))
    assert {call.presence for call in told.calls} == {Presence.UNDECIDED}
    assert told.calls[0].how == "no child: Resource temporarily unavailable"

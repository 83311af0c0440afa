# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
from pathlib import Path

import pytest

from pumphouse.core.errors import InfraError
from pumphouse.core.progress import Silent
from pumphouse.lab.board import BOOT_TRIES, BootJob, KernelFaultError, Limits, Watch, boot_with_retry
from pumphouse.lab.fake import PANIC, TIMER_PANIC, FakeBoard, render_console
from pumphouse.lab.image import Manifest
from pumphouse.lab.kernel import Kernel

pytestmark = pytest.mark.unit

KERNEL = Kernel(release="6.1.0-51-amd64", image=Path("/k"), config={}, source="test", sha256="0")
JOB = BootJob(manifest=Manifest())


def good(_kernel, _seed):
    return render_console(KERNEL, {"a.txt": b"hello\n"}, exit_code=3)


def boot(board, job=JOB):
    return asyncio.run(boot_with_retry(board, KERNEL, job))


def test_a_good_boot_brings_back_files_exit_code_and_marks():
    result = boot(FakeBoard(good))
    assert (result.exit_code, result.files) == (3, {"a.txt": b"hello\n"})
    assert result.mark("job").fields["settled"] == "yes"
    assert result.guest_s == 9.0
    with pytest.raises(InfraError, match="never came to 'zork'"):
        result.mark("zork")


def test_a_failure_of_the_machine_is_tried_again():
    board = FakeBoard(good, failures=[f"{TIMER_PANIC}\n".encode(), b""])
    assert boot(board).exit_code == 3
    assert board.boots == 3


def test_the_machine_is_not_tried_for_ever():
    board = FakeBoard(good, failures=[f"{TIMER_PANIC}\n".encode()] * 9)
    with pytest.raises(InfraError, match="IO-APIC"):
        boot(board)
    assert board.boots == BOOT_TRIES


def test_a_kernel_that_dies_by_itself_is_not_tried_again():
    board = FakeBoard(good, failures=[f"{PANIC}\n".encode()])
    with pytest.raises(KernelFaultError, match="Attempted to kill init") as caught:
        boot(board)
    assert board.boots == 1
    assert "boot it by hand" in caught.value.text.next_step


def test_a_damaged_file_is_the_machines_fault():
    damaged = render_console(KERNEL, {"a.txt": b"hello\n"}, damaged=True)
    assert boot(FakeBoard(good, failures=[damaged])).files == {"a.txt": b"hello\n"}


def test_a_machine_that_ends_early_says_what_was_last_heard():
    with pytest.raises(InfraError, match=r"last heard: .*Loading Linux"):
        boot(FakeBoard(lambda *_: b"SeaBIOS\r\nLoading Linux\r\n"))


def test_a_guest_that_takes_too_long_by_its_own_clock_is_given_up():
    watch = Watch(Limits(guest_s=10), Silent())
    watch.feed(b"[   11.000000] still busy\n")
    assert watch.done
    with pytest.raises(InfraError, match="did not finish within 10 s of the guest's time"):
        watch.result(ended="", stderr="", command="")


def test_a_warning_of_the_kernel_is_kept_and_not_fatal():
    line = b"[    1.000000] WARNING: CPU: 0 PID: 1 at kernel/irq/chip.c:210 irq_startup\n"
    result = boot(FakeBoard(lambda *_: line + good(None, 0)))
    assert result.warnings == ["WARNING: CPU: 0 PID: 1 at kernel/irq/chip.c:210 irq_startup"]

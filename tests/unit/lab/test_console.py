# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import base64
import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.lab.console import ConsoleReader, Fault, File, GuestTime, Mark
from pumphouse.lab.fake import PANIC, TIMER_PANIC, render_console
from pumphouse.lab.kernel import Kernel

pytestmark = pytest.mark.unit

KERNEL = Kernel(release="6.1.0-51-rt-amd64", image=Path("/k"), config={}, source="test", sha256="0")


def read(data, *cuts):
    reader, events = ConsoleReader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        events += reader.feed(data[begin:end])
    return events + reader.finish()


def test_marks_files_and_time_are_read():
    data = b"[    2.210000] Run /init\r\n@@pumphouse job uptime=2.50 clocksource=tsc settled=yes\r\n"
    assert read(data) == [
        GuestTime(2.21),
        Mark("job", "uptime=2.50 clocksource=tsc settled=yes"),
        GuestTime(2.5),
    ]
    assert Mark("job", "uptime=2.50 x clocksource=tsc").fields == {"uptime": "2.50", "clocksource": "tsc"}


def test_a_file_comes_back_as_it_was():
    content = bytes(range(256)) * 300
    (found,) = [e for e in read(render_console(KERNEL, {"a.bin": content})) if isinstance(e, File)]
    assert found == File("a.bin", content)


def test_a_kernel_message_in_the_middle_of_a_file_does_not_damage_it():
    packed = base64.encodebytes(gzip.compress(b"hello" * 50)).decode().splitlines()
    digest = hashlib.sha256(b"hello" * 50).hexdigest()
    lines = [f"@@pumphouse file a {digest}", packed[0], "[    3.000000] random: crng init done", *packed[1:]]
    events = read("\n".join([*lines, "@@pumphouse endfile a", ""]).encode())
    assert events == [GuestTime(3.0), File("a", b"hello" * 50)]


@pytest.mark.parametrize(
    "console",
    [
        render_console(KERNEL, {"a": b"x" * 100}, damaged=True),
        b"@@pumphouse file a 00\nAAAA\n@@pumphouse endfile a\n",
        b"@@pumphouse file a 00\n!!!\n@@pumphouse endfile a\n",
        b"@@pumphouse file a\nAAAA\n@@pumphouse endfile b\n",
        b"@@pumphouse file a 00\nAAAA\n",
    ],
)
def test_a_file_that_arrived_damaged_has_no_content(console):
    assert [e for e in read(console) if isinstance(e, File)] == [File("a", None)]


@pytest.mark.parametrize(
    ("line", "blame", "name"),
    [
        (PANIC, "kernel", "panic"),
        (TIMER_PANIC, "infra", "timer-interrupt"),
        ("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "infra", "image"),
        ("[    1.000001] BUG: unable to handle page fault for address: ffffffffffffffd8", "kernel", "oops"),
        ("[    1.000001] kernel BUG at mm/slub.c:379!", "kernel", "bug"),
        ("[   41.000001] rcu: INFO: rcu_preempt self-detected stall on CPU", "kernel", "stall"),
        ("[    1.000001] WARNING: CPU: 0 PID: 1 at kernel/irq/chip.c:210 irq_startup+0xe4/0xf0", "warning", "warning"),
    ],
)
def test_each_way_to_die_is_told_apart(line, blame, name):
    (fault,) = [event for event in read(line.encode() + b"\n") if isinstance(event, Fault)]
    assert (fault.blame, fault.name) == (blame, name)


def test_terminal_escapes_are_not_part_of_a_line():
    assert read(b"\x1bc\x1b[?7l\x1b[2J@@pumphouse say hello\r\n") == [Mark("say", "hello")]


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_are_read_without_failing_and_the_same_however_they_are_cut(data, cuts):
    assert read(data, *sorted(min(cut, len(data)) for cut in cuts)) == read(data)


@given(st.data())
def test_a_real_console_gives_the_same_events_however_it_is_cut(data):
    console = render_console(KERNEL, {"a.txt": b"hello\n", "b.bin": bytes(200)})
    cuts = sorted(data.draw(st.lists(st.integers(0, len(console)), max_size=8)))
    assert read(console, *cuts) == read(console)

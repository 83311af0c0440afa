# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from golden import check_golden
from pumphouse.core.errors import UserError
from pumphouse.lab.qemu import Machine, machine_argv, reproduce_command

pytestmark = pytest.mark.unit

KERNEL, INITRD = Path("/k/vmlinuz"), Path("/k/initrd.gz")

MACHINES = {
    "icount": Machine(),
    "icount_repeatable": Machine(shift=1, repeatable=True),
    "mttcg": Machine(mode="mttcg", cpus=2),
    "kvm": Machine(mode="kvm", memory_mb=1024, append="pumphouse.seed=7"),
    "plugin": Machine(shift=0, repeatable=True, cpu="max,-erms", plugin="/p/libcounts.so,out=/tmp/counts.json"),
    "serial_file": Machine(serial_file=Path("/tmp/second.bin")),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_command_line_of_each_mode_is_as_kept(name):
    argv = machine_argv(MACHINES[name], kernel=KERNEL, initrd=INITRD, qmp_fd=9)
    check_golden(f"lab/argv/qemu_{name}.txt", "\n".join(argv) + "\n")


def test_the_command_to_reproduce_needs_no_monitor():
    command = reproduce_command(Machine(), kernel=Path("/a b/vmlinuz"), initrd=None)
    assert "'/a b/vmlinuz'" in command
    assert "qmp" not in command


@pytest.mark.parametrize("shift", [-1, 11])
def test_a_wrong_shift_is_refused_with_what_works(shift):
    with pytest.raises(UserError, match=f"shift={shift} is not possible") as caught:
        Machine(shift=shift).check()
    assert "from 0 to 10" in caught.value.text.why


def test_two_processors_under_icount_are_refused():
    with pytest.raises(UserError, match="2 processors are not possible under icount"):
        Machine(cpus=2).check()


def test_virtual_time_says_its_shift():
    assert Machine(shift=3).time_unit == "virtual us at shift=3"
    assert Machine(mode="kvm").time_unit == "us"

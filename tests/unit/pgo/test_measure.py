# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import msgspec
import pytest

from golden import check_golden
from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.board import BootResult
from pumphouse.lab.kernel import Kernel
from pumphouse.lab.qemu import machine_argv
from pumphouse.pgo.commands.workload import write_trial
from pumphouse.pgo.domain.counts import RawCounts, RawPhase, SideCounts
from pumphouse.pgo.domain.script import PhaseOutcome, Trial
from pumphouse.pgo.domain.workload import parse_workload
from pumphouse.pgo.measure import Guest, assemble_counts, counting_machine, require_done

pytestmark = pytest.mark.unit

WORKLOAD = parse_workload(
    'summary = "s"\n[[phase]]\nname = "a"\ncommand = "true"\nrepeat = 2\n'
    '[[phase]]\nname = "b"\ncommand = "true"\ntrained = false\n',
    path=Path("/w/two.toml"),
)
KERNEL = Kernel(release="6.1.0", image=Path("/k"), config={}, source="deb:k", sha256="11")
GUEST = Guest(workload=WORKLOAD, executables={"/bin/x": b"x"}, files={}, packages={"libc6": "2.36"})
NOTHING = SideCounts(instructions=0, taken_branches=0, l1i_misses=0)


def counted(number, entries=1, instructions=100):
    side = msgspec.structs.replace(NOTHING, instructions=instructions)
    return RawPhase(number=number, entries=entries, kernel=side, user=NOTHING)


def booted(marks):
    files = {"steps.txt": b"set-up 0\nwarm-up 0\n", "marks.txt": marks, "done.txt": b"1 0\n2 0\n"}
    return BootResult(
        exit_code=0, files=files, marks=[], warnings=[], guest_s=1, wall_s=2, console=b"", command="qemu ..."
    )


def assemble(*phases):
    raw = RawCounts(version=1, l1i_model="a model", phases=phases)
    return assemble_counts(KERNEL, GUEST, raw, booted(b"1 0 5\n1 0 6\n2 0 7\n"), digest="d")


def test_the_machine_that_counts_is_as_kept():
    argv = machine_argv(counting_machine(512), kernel=Path("/k/vmlinuz"), initrd=Path("/k/initrd.gz"))
    check_golden("pgo/argv/counting_machine.txt", "\n".join(argv) + "\n")


def test_counts_get_the_names_of_the_phases():
    counts = assemble(counted(0), counted(1, entries=2, instructions=300), counted(2))
    assert [(phase.name, phase.trained, phase.kernel.instructions, phase.guest_ns) for phase in counts.phases] == [
        ("a", True, 300, 11),
        ("b", False, 100, 7),
    ]
    assert (counts.kernel, counts.kernel_source, counts.packages) == ("6.1.0", "deb:k", {"libc6": "2.36"})


@pytest.mark.parametrize("phases", [[counted(1, entries=2)], [counted(1, entries=3), counted(2)]])
def test_a_phase_that_was_not_counted_as_it_ran_is_refused(phases):
    with pytest.raises(InfraError, match="not counted as it ran"):
        assemble(*phases)


def test_what_the_guest_is_given_is_known_by_content():
    other = Guest(workload=WORKLOAD, executables={"/bin/x": b"y"}, files={}, packages={})
    assert GUEST.digest("job") == GUEST.digest("job")
    assert len({GUEST.digest("job"), GUEST.digest("other job"), other.digest("job")}) == 3


BAD = Trial(
    phases=(
        PhaseOutcome(name="a", trained=True, done=True, guest_ns=2_500_000),
        PhaseOutcome(
            name="b", trained=False, done=False, why="its command ended with status 7", said="one\nconnection refused\n"
        ),
    )
)
NOT_SET_UP = Trial(
    phases=(PhaseOutcome(name="a", trained=True, done=False, why="set-up failed before it"),),
    failed_step="set-up",
    said="await: redis-cli ping did not succeed\n",
)


def test_a_phase_that_was_not_done_stops_with_its_reason_and_last_words():
    with pytest.raises(UserError, match="the phase b of the workload two was not done") as caught:
        require_done(WORKLOAD, BAD)
    assert caught.value.text.why == "its command ended with status 7; it said: connection refused"
    assert caught.value.text.next_step.startswith("pumphouse pgo workload check /w/two.toml")


def test_a_set_up_that_failed_stops_with_its_last_words():
    with pytest.raises(UserError, match="the set-up of the workload two failed") as caught:
        require_done(WORKLOAD, NOT_SET_UP)
    assert caught.value.text.why == "await: redis-cli ping did not succeed"


def test_what_a_trial_came_to_begins_with_the_answer_and_fits_the_terminal():
    lines = write_trial(WORKLOAD, "6.1.0", BAD)
    check_golden("pgo/trial_not_done.txt", "\n".join(lines) + "\n")
    assert lines[0] == "two: 1 of 2 phases not done on 6.1.0: b"
    assert max(map(len, lines)) <= 80
    assert write_trial(WORKLOAD, "6.1.0", NOT_SET_UP)[0] == "two: its set-up failed on 6.1.0, so no phase ran"

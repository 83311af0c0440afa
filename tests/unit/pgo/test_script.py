# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import check_golden
from pumphouse.core.errors import InfraError
from pumphouse.pgo.domain.script import (
    AWAIT,
    read_export,
    read_trial,
    script_files,
    write_measuring,
    write_training,
)
from pumphouse.pgo.domain.workload import parse_workload

pytestmark = pytest.mark.unit

WORKLOAD = parse_workload(
    """
summary = "two phases"
set_up = "serve &"
warm_up = "get 10"
[[phase]]
name = "get"
command = "get 100"
done = "grep -q 100 $OUT"
repeat = 2
[[phase]]
name = "put"
command = "put 100"
trained = false
""",
    path=Path("/w/two.toml"),
)
WENT_WELL = {
    "steps.txt": b"set-up 0\nwarm-up 0\n",
    "marks.txt": b"1 0 1000\n1 0 500\n2 0 70\n",
    "done.txt": b"1 0\n2 0\n",
}


def test_the_scripts_of_measuring_and_training_are_as_kept():
    check_golden("pgo/script/measuring.sh", write_measuring(WORKLOAD))
    check_golden("pgo/script/training.sh", write_training(WORKLOAD))
    files = script_files(WORKLOAD)
    check_golden("pgo/script/files.txt", "".join(f"== {path}\n{text}" for path, text in files.items()))


def test_training_never_runs_what_is_held_back():
    script = write_training(WORKLOAD)
    assert "phase 1 2" in script
    assert "phase 2 1" not in script
    assert "phase 2 1" in write_measuring(WORKLOAD)


def test_a_seed_shifts_when_phases_begin_and_nothing_else():
    plain, shifted = (write_measuring(WORKLOAD, seed=seed).splitlines() for seed in (0, 3))
    changed = [(a, b) for a, b in zip(plain, shifted, strict=True) if a != b]
    assert changed == [("usleep 50000", "usleep 50760"), ("usleep 50000", "usleep 51769")]


@pytest.mark.skipif(shutil.which("busybox") is None, reason="no busybox: apt-get install busybox-static (make setup)")
@pytest.mark.parametrize("script", [write_measuring(WORKLOAD), write_training(WORKLOAD), AWAIT])
def test_the_guests_shell_takes_the_scripts(script):
    done = subprocess.run(["busybox", "sh", "-n"], input=script.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_boot_that_did_everything_gives_each_phase_its_time():
    trial = read_trial(WORKLOAD, WENT_WELL)
    assert trial.is_done
    assert [(phase.name, phase.guest_ns) for phase in trial.phases] == [("get", 1500), ("put", 70)]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"marks.txt": b"1 0 1\n1 3 1\n2 0 1\n"}, "its command ended with status 3"),
        ({"marks.txt": b"1 0 1\n2 0 1\n"}, "its command ran 1 of 2 times"),
        ({"done.txt": b"1 1\n2 0\n"}, "what counts as done does not hold (status 1): grep -q 100 $OUT"),
        ({"done.txt": b""}, "what counts as done does not hold (status unknown): grep -q 100 $OUT"),
        ({"steps.txt": b"set-up 0\nwarm-up 1\n"}, "warm-up failed before it"),
    ],
)
def test_a_phase_that_was_not_done_tells_why(files, why):
    trial = read_trial(WORKLOAD, WENT_WELL | files | {"said-1.txt": b"refused\n", "said-warm-up.txt": b"no server\n"})
    assert not trial.is_done
    assert (trial.phases[0].done, trial.phases[0].why, trial.phases[0].said) == (False, why, "refused\n")
    assert trial.said == ("no server\n" if trial.failed_step else "")


def test_after_training_only_its_phases_are_asked_for():
    files = WENT_WELL | {"marks.txt": b"1 0 1000\n1 0 500\n", "done.txt": b"1 0\n"}
    assert not read_trial(WORKLOAD, files).is_done
    assert read_trial(WORKLOAD, files, only_trained=True).is_done


@given(st.dictionaries(st.sampled_from([*WENT_WELL, "said-1.txt"]), st.binary(max_size=40)))
def test_whatever_comes_back_is_read(files):
    trial = read_trial(WORKLOAD, files)
    assert trial.is_done == all(phase.done for phase in trial.phases)


def test_an_export_tells_files_size_and_checksum():
    assert read_export("1059 483299 ab12\n") == (1059, 483299, "ab12")


def test_a_kernel_without_counters_is_told_with_the_remedy():
    with pytest.raises(InfraError, match="no counters to export") as caught:
        read_export("missing\n")
    assert "config=gcov" in caught.value.text.next_step


@given(st.text(max_size=30))
def test_a_damaged_export_is_read_or_refused(text):
    with contextlib.suppress(InfraError):
        assert read_export(text)[0] >= 0

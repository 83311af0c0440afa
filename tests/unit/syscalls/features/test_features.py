# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import InfraError, UserError
from pumphouse.lab.patch import read_patch
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.commands.features import SERIES
from pumphouse.syscalls.domain.features.answer import Kind, Record, parse_answer, write_answer
from pumphouse.syscalls.domain.features.catalogue import find_call, parse_call, read_catalogue
from pumphouse.syscalls.domain.features.header import write_header
from pumphouse.syscalls.domain.features.series import choose_series, list_series, read_new_file
from pumphouse.syscalls.domain.features.text import describe_answer, write_call

pytestmark = pytest.mark.unit

CATALOGUE = read_catalogue()


@pytest.fixture
def run_pumphouse(capsys):
    def run(*argv):
        code = run_command(list(argv))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


SELFTEST = "tools/testing/selftests/sys_features/sys_features_test.c"


def record(kind, value, *, arg=0, width=0, offset=0):
    return Record(kind=kind, arg=arg, width=width, offset=offset, value=value)


# What the patched 6.1.192 answers, configured as src/pumphouse/lab/kconfigs/syscalls.config has it.
CLONE3 = [
    record(Kind.CALL, 0, offset=435),
    *(record(Kind.SIZE, size) for size in (64, 80, 88)),
    record(Kind.FIELD, 0x3FFBFFF80, width=8),
]


def test_an_answer_is_read_into_sizes_and_words():
    data = write_answer(CLONE3)
    answer = parse_answer(data + bytes(100), len(data))
    assert (answer.number, answer.off, answer.sizes, answer.size) == (435, False, (64, 80, 88), 88)
    assert answer.mask(Kind.FIELD, 0) == 0x3FFBFFF80
    assert answer.mask(Kind.ARG, 0) is None
    assert answer.complete
    assert parse_answer(write_answer(CLONE3, byteorder="big"), len(data), byteorder="big") == answer


def test_a_reader_passes_over_kinds_that_came_after_it():
    newer = [*CLONE3[:3], record(77, 1 << 63, offset=9), *CLONE3[3:], record(4711, 0)]
    data = write_answer(newer)
    answer, older = parse_answer(data, len(data)), parse_answer(write_answer(CLONE3), 80)
    assert answer.unknown == 2
    assert (answer.sizes, answer.words) == (older.sizes, older.words)


def test_a_short_buffer_holds_what_fits_and_says_that_there_is_more():
    data = write_answer(CLONE3)
    answer = parse_answer(data[:40], len(data))
    assert answer.sizes == (64,)
    assert not answer.complete


def test_an_answer_without_a_struct_has_no_size():
    data = write_answer([record(Kind.CALL, 1, offset=318), record(Kind.ARG, 7, arg=2, width=4)])
    answer = parse_answer(data, len(data))
    assert answer.size is None
    assert answer.off
    assert answer.mask(Kind.ARG, 2) == 7


@pytest.mark.parametrize(("data", "total"), [(b"", 0), (bytes(16), 16), (write_answer(CLONE3), 79), (bytes(7), 7)])
def test_what_no_kernel_answers_is_told(data, total):
    with pytest.raises(InfraError, match="not an answer") as caught:
        parse_answer(data, total)
    assert caught.value.text.why
    assert caught.value.text.next_step


@given(st.binary(max_size=100), st.integers(0, 200))
def test_no_bytes_crash_the_reader(data, total):
    with contextlib.suppress(InfraError):
        parse_answer(data, total)


@given(
    st.lists(
        st.builds(
            Record,
            kind=st.integers(2, 65535),
            arg=st.integers(0, 255),
            width=st.integers(0, 255),
            offset=st.integers(0, 2**32 - 1),
            value=st.integers(0, 2**64 - 1),
        ),
        max_size=20,
    )
)
def test_what_is_written_is_read_again(records):
    data = write_answer([CLONE3[0], *records])
    answer = parse_answer(data, len(data))
    assert len(answer.sizes) + len(answer.words) + answer.unknown == len(records)


def test_bits_without_a_name_are_told_as_such():
    call = CATALOGUE["openat2"]
    shown = describe_answer(
        call,
        parse_answer(
            write_answer(
                [
                    record(Kind.CALL, 0, offset=437),
                    record(Kind.SIZE, 24, arg=2),
                    record(Kind.FIELD, 0x8000003F, arg=2, width=8, offset=16),
                ]
            ),
            48,
        ),
    )
    word = shown["words"][0]
    assert word["id"] == "open_how.resolve"
    assert word["flags"][-1] == "RESOLVE_CACHED"
    assert word["unnamed"] == "0x80000000"
    text = write_call(shown)
    assert text[0] == "openat2: struct of 24 bytes"
    assert "and 0x80000000" in text[-1]
    assert max(len(line) for line in text) <= 80


@pytest.mark.parametrize("call", CATALOGUE.values(), ids=list(CATALOGUE))
def test_each_word_of_the_catalogue_fits_its_width_and_stands_once(call):
    places = [(word.kind, word.arg, word.offset) for word in call.word]
    assert len(set(places)) == len(places)
    for word in call.word:
        assert all(0 < value < 1 << (8 * word.width) for value in word.flags.values()), word.id
    assert call.sizes == sorted(set(call.sizes))


def test_a_description_that_is_wrong_names_its_key():
    with pytest.raises(UserError) as caught:
        parse_call('header = "x"\nzork = 1\n', name="demo")
    assert "zork" in caught.value.text.why
    with pytest.raises(UserError, match="nothing is known of 'zork'") as caught:
        find_call(CATALOGUE, "zork")
    assert "openat2" in caught.value.text.next_step


def test_the_header_has_a_constant_for_every_flag_and_size_and_none_twice():
    names = re.findall(r"^#define (SYSF_[A-Z0-9_]+) SYSF_NR_", write_header(CATALOGUE), re.MULTILINE)
    assert len(names) == len(set(names))
    flags = sum(len(word.flags) + 0 for call in CATALOGUE.values() for word in call.word)
    assert len(names) == flags + sum(len(call.sizes) for call in CATALOGUE.values())
    assert {"SYSF_OPENAT2_RESOLVE_CACHED", "SYSF_CLONE3_SIZE_88", "SYSF_SYS_FEATURES_SIZE_16"} <= set(names)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: sudo apt-get install gcc libc6-dev")
def test_the_header_compiles_as_strict_c99_and_answers_with_an_error_on_a_kernel_without_the_call(tmp_path):
    (tmp_path / "sysf.h").write_text(write_header(CATALOGUE))
    constants = re.findall(r"^#define (SYSF_[A-Z0-9_]+) SYSF_NR_", write_header(CATALOGUE), re.MULTILINE)
    lines = "\n".join(f"\tall += sysf_has({name}) >= 0;" for name in constants)
    (tmp_path / "t.c").write_text(
        '#include "sysf.h"\n#include <stdio.h>\nint main(void)\n{\n\tint all = 0;\n' + lines + "\n"
        '\tprintf("%d %d\\n", sysf_has(SYSF_OPENAT2_RESOLVE_CACHED), all);\n\treturn 0;\n}\n'
    )
    command = [
        "gcc",
        "-std=c99",
        "-pedantic",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-o",
        tmp_path / "t",
        tmp_path / "t.c",
    ]
    subprocess.run(command, check=True)
    said = subprocess.run([tmp_path / "t"], check=True, capture_output=True, text=True).stdout.split()
    assert said[0] in {"-38", "1"}
    assert (said[0] == "-38") == (said[1] == "0")


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_a_series_declares_what_the_catalogue_names(version):
    """The uapi header, the kernel's descriptors and our reader have the same words at the same places."""
    text = SERIES[version].read_text()
    declared = re.findall(r"^\+SYSCALL_FEATURES(?:_OFF)?\((\w+),", text, re.MULTILINE)
    calls = {name for name in declared if name != "name"}
    assert calls <= set(CATALOGUE)
    assert {"openat2", "clone3", "sched_setattr", "mount_setattr", "landlock_create_ruleset", "futex_waitv"} <= calls
    assert ("statmount" in calls) == (version == "6.12")
    for name, number in re.findall(
        r"^\+#define\s+SYS_FEATURE_(NONE|CALL|SIZE|ARG|FIELD|KNOWN)\s+(\d+)$", text, re.MULTILINE
    ):
        assert Kind[name] == int(number)
    for name in calls:
        block = re.search(rf"^\+SYSCALL_FEATURES(?:_OFF)?\({name},(.*?)\);$", text, re.MULTILINE | re.DOTALL)[1]
        words = re.findall(r"SYSF_(ARG|FIELD|KNOWN)\((\d), ", block)
        known = [(word.kind.upper(), str(word.arg)) for word in CATALOGUE[name].word]
        assert not [word for word in words if word not in known], name
        if name != "landlock_create_ruleset":  # two of its words are newer than 6.1
            assert sorted(words) == sorted(known), name


def test_a_series_is_chosen_by_the_first_two_numbers_of_a_version(tmp_path):
    for version in ("6.1.192", "6.1", "v6.1-rc3", "6.1.0-51-amd64"):
        assert choose_series(SERIES, version).name == "6.1-sys_features.patch"
    for version in ("6.10", "6", "", "linux"):
        with pytest.raises(UserError, match="no patch for the kernel") as caught:
            choose_series(SERIES, version)
        assert "6.1, 6.12" in caught.value.text.why
    assert list_series([tmp_path]) == {}


def test_the_selftest_is_read_out_of_a_series():
    text = SERIES["6.1"].read_text()
    assert read_new_file(text, SELFTEST).startswith("// SPDX-")
    assert read_new_file(text, SELFTEST).rstrip().endswith("}")
    with pytest.raises(UserError, match="adds no"):
        read_new_file(text, "fs/zork.c")


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_a_series_has_messages_that_say_why(version):
    series = read_patch(SERIES[version])
    assert len(series.steps) == 6
    for step in series.steps:
        body = step.partition("\n\n")[2].partition("\n---\n")[0]
        assert "Signed-off-by:" in body
        assert len(body.splitlines()) > 2
        assert max(len(line) for line in body.splitlines()) <= 75
    tables = [path for path in series.paths if path.endswith(".tbl") and not path.startswith("tools/")]
    assert len(tables) == {"6.1": 16, "6.12": 17}[version]


def test_show_on_a_kernel_without_the_call_says_so_and_answers_no(run_pumphouse):
    code, out, err = run_pumphouse("syscalls", "features", "show", "openat2")
    if "has no sys_features()" not in out:
        assert code == 0
        return
    assert code == 1
    assert out.startswith("The running kernel (")
    assert "features patch" in err
    code, out, _ = run_pumphouse("syscalls", "features", "show", "--json")
    assert code == 1
    assert json.loads(out)["sys_features"] is False


def test_patch_prints_the_series_and_refuses_a_version_without_one(run_pumphouse):
    code, out, _ = run_pumphouse("syscalls", "features", "patch", "6.12")
    assert (code, out) == (0, Path(SERIES["6.12"]).read_text())
    code, out, err = run_pumphouse("syscalls", "features", "patch", "5.10")
    assert (code, out) == (2, "")
    assert "next:" in err
    assert run_pumphouse("syscalls", "features", "patch")[0] == 2


def test_header_writes_the_file_that_it_names(run_pumphouse, tmp_path):
    code, out, err = run_pumphouse("syscalls", "features", "header", "--output", str(tmp_path / "h"))
    assert (code, out) == (0, "")
    assert (tmp_path / "h").read_text() == write_header(CATALOGUE)
    assert "constants" in err

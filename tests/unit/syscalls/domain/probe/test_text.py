# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A report on the terminal."""

from __future__ import annotations

import msgspec

from pumphouse.syscalls.domain.probe.report import (
    CallReport,
    Companion,
    FactReport,
    Presence,
    Report,
    State,
    WordReport,
)
from pumphouse.syscalls.domain.probe.text import WIDTH, write_report

FLAGS = WordReport(
    name="open_how.flags",
    state=State.ANSWERED,
    how="EFAULT against EINVAL",
    valid=0x3,
    valid_with=(Companion(bit=0x400000, needs=("O_DIRECTORY", "O_WRONLY")),),
    undecided=0x10,
    names=((1, "O_WRONLY"), (0x400000, "__O_TMPFILE")),
)
REPORT = Report(
    release="6.18.44",
    version="#1",
    machine="x86_64",
    elapsed_ms=35.4,
    cached=False,
    calls=(
        CallReport(
            name="openat2",
            presence=Presence.PRESENT,
            how="EINVAL",
            size=24,
            size_how="E2BIG beyond it",
            size_name="OPEN_HOW_SIZE_VER0",
            words=(FLAGS, WordReport(name="open_how.resolve", state=State.UNKNOWN, how="EPERM against EPERM")),
            facts=(FactReport(name="abi", value=7, how="VERSION"),),
        ),
        CallReport(name="listns", presence=Presence.MISSING, how="ENOSYS"),
        CallReport(name="bpf", presence=Presence.SECCOMP, how="killed"),
    ),
)


def test_the_first_line_answers():
    lines = write_report(REPORT, detailed=False)
    assert lines[0] == "6.18.44: 1 flag words of 1 call answered in 35 ms; 1 missing (listns); 1 refused"
    assert lines[1].startswith("by seccomp (bpf).")


def test_the_table_has_a_line_for_each_word_and_says_what_is_not_known():
    lines = write_report(REPORT, detailed=False)[3:]
    assert [" ".join(line.split()) for line in lines] == [
        "openat2 24 bytes",
        "open_how.flags 0x400003 (1 with others) (1 not",
        "decided)",
        "open_how.resolve unknown (EPERM against EPERM)",
        "abi 7",
        "listns missing (ENOSYS)",
        "bpf refused by seccomp (killed)",
    ]


def test_details_name_the_flags_and_how_each_answer_was_told():
    text = "\n".join(write_report(REPORT, detailed=True))
    assert "size 24 bytes, OPEN_HOW_SIZE_VER0: E2BIG beyond it" in text
    assert "O_WRONLY 0x2" in text
    assert "__O_TMPFILE with O_DIRECTORY, O_WRONLY" in text
    assert "told by VERSION" in text


def test_no_line_is_wider_than_80_columns():
    for detailed in (False, True):
        assert all(len(line) <= WIDTH for line in write_report(REPORT, detailed=detailed))


def test_masks_of_64_bits_are_strings_in_json():
    word = msgspec.json.decode(msgspec.json.encode(REPORT.to_data()))["calls"][0]["words"][0]
    assert word == {
        "name": "open_how.flags",
        "state": "answered",
        "how": "EFAULT against EINVAL",
        "enumeration": False,
        "mask": "0x400003",
        "valid": "0x3",
        "valid_with": [{"bit": "0x400000", "needs": ["O_DIRECTORY", "O_WRONLY"]}],
        "undecided": "0x10",
        "names": ["O_WRONLY", "0x2", "__O_TMPFILE"],
    }

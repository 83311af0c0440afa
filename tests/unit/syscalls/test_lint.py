# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The lint as a whole: report, baseline, SARIF, inventory, and the command around them."""

from __future__ import annotations

import json
import subprocess

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from pumphouse.core.errors import UserError
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.domain.inventory import take_inventory, write_inventory
from pumphouse.syscalls.domain.lint import choose_rules, lint, make_baseline, read_baseline
from pumphouse.syscalls.domain.report import write_report, write_sarif
from pumphouse.syscalls.domain.tree.files import MemoryFiles
from syscalls_trees import LAYOUTS, NEW, changed, read

C = "kernel/grow.c"
CHECK = "\tif (flags & ~GROW_VALID_AT_FLAGS)\n\t\treturn -EINVAL;\n"
BROKEN = changed(C, CHECK, "")

# What is written of SARIF 2.1.0, as the standard has it (sections 3.13 to 3.30); unknown properties are refused.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "originalUriBaseIds": {"type": "object"},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "properties": {"type": "object"},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "properties": {
                                                            "uri": {"type": "string", "format": "uri-reference"},
                                                            "uriBaseId": {"type": "string"},
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def folder(tmp_path):
    """The tree with a fault, in a folder."""
    for path, text in BROKEN.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def report_of(files):
    return lint(MemoryFiles(files), name="tree")


def test_the_answer_comes_first_and_lines_fit_80_columns():
    lines = write_report(report_of(BROKEN))
    assert lines[0] == "6.30.1: 1 error, 0 warnings in 2 calls"
    assert all(len(line) <= 80 for line in lines)
    assert any("kernel/grow.c:" in line for line in lines)


def test_legacy_findings_are_counted_and_shown_when_asked_for():
    old = {path: text.replace("480", "80").replace("590", "80") for path, text in BROKEN.items()}
    report = report_of(old)
    assert (report.counts.legacy, report.is_clean) == (1, True)
    assert not any("legacy  kernel" in line for line in write_report(report))
    assert any("legacy  kernel" in line for line in write_report(report, legacy=True))


def test_counts_are_those_of_the_tables():
    for files in LAYOUTS.values():
        counts = report_of(files).counts
        rows = sum(
            sum(1 for line in text.splitlines() if line[:1].isdigit() or line.startswith("__SYSCALL("))
            for path, text in files.items()
            if path.endswith((".tbl", "unistd.h", "unistd32.h"))
        )
        assert counts.entries == rows
        assert counts.tables == 7


def test_a_baseline_silences_what_it_knows_and_nothing_else():
    baseline = make_baseline(report_of(BROKEN))
    again = read_baseline(msgspec.json.encode(baseline), where="b")
    known = lint(MemoryFiles(BROKEN), name="t", baseline=again)
    assert (known.is_clean, known.counts.in_baseline, known.findings) == (True, 1, ())
    worse = {**BROKEN, C: BROKEN[C].replace("unsigned int, flags)", "unsigned long, flags)")}
    found = lint(MemoryFiles(worse), name="t", baseline=again).findings
    assert [finding.rule for finding in found] == ["R1", "R9"]


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version":"1","known":[{"rule":1}]}', b"[]"])
def test_what_is_no_baseline_is_refused(data):
    with pytest.raises(UserError, match="baseline"):
        read_baseline(data, where="b.json")


def test_rules_are_chosen_by_name():
    assert [rule.name for rule in choose_rules("r2, R1")] == ["R2", "R1"]
    assert len(choose_rules("")) == 12
    with pytest.raises(UserError, match="no rule R13"):
        choose_rules("R1,R13")
    assert lint(MemoryFiles(BROKEN), name="t", rules=choose_rules("R1")).findings == ()


def test_the_sarif_log_is_valid_and_holds_every_finding():
    log = write_sarif(report_of(BROKEN), version="1")
    Draft7Validator.check_schema(SARIF)
    Draft7Validator(SARIF).validate(log)
    (result,) = log["runs"][0]["results"]
    assert log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "R2"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == C


def test_the_inventory_lists_calls_structs_and_masks():
    inventory = take_inventory(read())
    call = next(call for call in inventory.calls if call.name == "growfd")
    assert call.structs[0].sizes == (16, 24)
    assert {word.word: word.mask for word in call.flags}["grow_args.flags"] == 0x3
    assert (call.is_conditional, call.has_compat, call.numbers["alpha"]) == (True, False, 590)
    lines = write_inventory(inventory, only_extensible=True)
    assert lines[0].startswith("6.30.1: 2 system calls, 1 take a struct that can grow")
    assert not any("close" in line for line in lines)
    assert any("x86-64" in line for line in write_inventory(inventory, only_extensible=False))


def run(capsys, *words):
    code = run_command(["syscalls", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_exits_with_1_where_an_error_is_left(capsys, folder):
    code, out, _ = run(capsys, "lint", str(folder))
    assert (code, out.splitlines()[0]) == (1, "6.30.1: 1 error, 0 warnings in 2 calls")
    code, out, err = run(capsys, "lint", str(folder), "--write-baseline", str(folder / "known.json"))
    assert (code, "1 findings" in err) == (1, True)
    code, out, _ = run(capsys, "lint", str(folder), "--baseline", str(folder / "known.json"), "--json")
    assert (code, json.loads(out)["counts"]["in_baseline"]) == (0, 1)
    code, out, _ = run(capsys, "lint", str(folder), "--sarif")
    assert json.loads(out)["version"] == "2.1.0"


def test_json_findings_have_the_documented_fields(capsys, folder):
    _, out, _ = run(capsys, "lint", str(folder), "--json")
    data = json.loads(out)
    assert set(data) == {"tree", "version", "rules", "counts", "findings"}
    assert set(data["findings"][0]) == {
        "rule", "severity", "file", "line", "syscall", "message", "why", "remedy", "link",
    }  # fmt: skip


def test_the_command_lists_calls(capsys, folder):
    code, out, _ = run(capsys, "list", str(folder), "--json")
    assert (code, [call["name"] for call in json.loads(out)["calls"]]) == (0, ["close", "growfd"])


@pytest.mark.parametrize(
    "words",
    [
        ["/nothing/here"],
        ["{folder}", "--json", "--sarif"],
        ["{folder}", "--rules", "R99"],
        ["{folder}", "--diff", "nothing"],
    ],
    ids=["no folder", "two forms", "no rule", "no patch"],
)
def test_wrong_input_is_exit_2_with_the_next_step(capsys, folder, words):
    code, _, err = run(capsys, "lint", *[word.format(folder=folder) for word in words])
    assert (code, "next:" in err) == (2, True)


def test_a_revision_is_compared_with_the_tree_as_it_stands(capsys, folder):
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (folder / C).write_text(NEW[C])
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "good"], check=True)
    code, _, err = run(capsys, "lint", str(folder), "--diff", "HEAD")
    assert (code, "nothing differs" in err) == (2, True)
    (folder / C).write_text(BROKEN[C])
    code, out, _ = run(capsys, "lint", str(folder), "--diff", "HEAD")
    assert (code, out.splitlines()[0]) == (1, "6.30.1: the patch brings 1 error, 0 warnings")


FILES = [
    "kernel/grow.c",
    "kernel/grow.h",
    "include/uapi/linux/grow.h",
    "include/linux/syscalls.h",
    "scripts/syscall.tbl",
]


@settings(max_examples=60)
@given(st.data())
def test_no_damaged_source_breaks_the_lint(data):
    files = {**NEW, "kernel/other.c": "SYSCALL_DEFINE0(getpid)\n{\n\treturn 1;\n}\n"}
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(FILES))
        text = files[path]
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        files[path] = (
            text[:start]
            + data.draw(st.sampled_from(["", "(", ")", "{", "}", "/*", '"', "#if 0\n", "&", ";"]))
            + text[end:]
        )
    report = report_of(files)
    assert all(finding.line > 0 and finding.message for finding in report.findings)
    assert all(len(line) <= 80 for line in write_report(report, legacy=True))

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A lint's report as text of at most 80 columns, and as SARIF 2.1.0."""

from __future__ import annotations

import textwrap
from typing import Any

from pumphouse.syscalls.domain.lint import Report
from pumphouse.syscalls.domain.rules import ERROR, RULES, WARNING, Finding

WIDTH = 80
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {ERROR: "error", WARNING: "warning", "legacy": "note"}


def write_answer(report: Report, *, is_patch: bool) -> str:
    """The first line: the tree, and what was found in how many calls."""
    counts = report.counts
    what = f"{_many(counts.error, 'error')}, {_many(counts.warning, 'warning')}"
    if is_patch:
        return f"{report.version}: the patch brings {what}"
    return f"{report.version}: {what} in {counts.calls} calls"


def write_report(report: Report, *, is_patch: bool = False, legacy: bool = False) -> list[str]:
    """The report as lines; legacy findings only where they are asked for."""
    counts = report.counts
    lines = [write_answer(report, is_patch=is_patch)]
    shown = [finding for finding in report.findings if legacy or finding.severity != "legacy"]
    for rule in RULES:
        found = [finding for finding in shown if finding.rule == rule.name]
        if found:
            lines += ["", *_wrap(f"{rule.name} {rule.title}", "   ")]
            for finding in found:
                lines += _write_finding(finding, own_remedy=finding.remedy != rule.remedy)
            lines += _wrap(f"why: {rule.why}", "       ", first="  ")
            lines += _wrap(f"remedy: {rule.remedy}", "       ", first="  ")
    notes = []
    if counts.legacy and not legacy:
        notes.append(f"{counts.legacy} more in calls older than the conventions (--legacy shows them)")
    if counts.in_baseline:
        notes.append(f"{counts.in_baseline} known by the baseline")
    if counts.seen_before:
        notes.append(f"{counts.seen_before} were there before the patch")
    notes.append(
        f"{counts.new_calls} of {counts.calls} calls are bound by the conventions; {counts.tables} tables, "
        f"{counts.entries} entries; rules {', '.join(report.rules)}"
    )
    notes.append("`pumphouse syscalls rule R5` explains a rule; the site has them at /syscalls/rules/R5")
    lines.append("")
    for note in notes:
        lines += _wrap(note, "  ")
    return lines


def _write_finding(finding: Finding, *, own_remedy: bool) -> list[str]:
    place = f"{finding.file}:{finding.line}"
    lines = [f"  {finding.severity:<8}{place}"[:WIDTH]]
    lines += _wrap(finding.message, "          ", first="          ")
    if own_remedy:
        lines += _wrap(f"remedy: {finding.remedy}", "            ", first="          ")
    return lines


def _wrap(text: str, indent: str, *, first: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def write_sarif(report: Report, *, version: str) -> dict[str, Any]:
    """The report as a SARIF 2.1.0 log with one run. Legacy findings are notes. `version` is Pumphouse's own."""
    chosen = [rule for rule in RULES if rule.name in report.rules]
    places = {rule.name: index for index, rule in enumerate(chosen)}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pumphouse syscalls lint",
                        "version": version,
                        "rules": [
                            {
                                "id": rule.name,
                                "shortDescription": {"text": rule.title},
                                "fullDescription": {"text": rule.why},
                                "help": {"text": rule.remedy},
                            }
                            for rule in chosen
                        ],
                    }
                },
                "columnKind": "utf16CodeUnits",
                "originalUriBaseIds": {"TREE": {"description": {"text": f"the kernel tree {report.version}"}}},
                "results": [
                    {
                        "ruleId": finding.rule,
                        "ruleIndex": places[finding.rule],
                        "level": _LEVELS[finding.severity],
                        "message": {"text": f"{finding.message}. Remedy: {finding.remedy}"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": finding.file, "uriBaseId": "TREE"},
                                    "region": {"startLine": max(finding.line, 1)},
                                }
                            }
                        ],
                        "properties": {"syscall": finding.syscall, "severity": finding.severity, "page": finding.link},
                    }
                    for finding in report.findings
                ],
            }
        ],
    }

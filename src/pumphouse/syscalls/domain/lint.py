# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A lint: the rules run over a tree, or over what a patch makes of it; against a baseline; counted and sorted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.syscalls.domain.btf import Btf
from pumphouse.syscalls.domain.patch import Applied
from pumphouse.syscalls.domain.rules import ERROR, LEGACY, RULES, WARNING, Finding, Rule, Subject
from pumphouse.syscalls.domain.tree import KernelTree, read_tree
from pumphouse.syscalls.domain.tree.files import Files, OverlaidFiles

_ORDER = {ERROR: 0, WARNING: 1, LEGACY: 2}
Progress = Callable[[str, float], None]


class Counts(msgspec.Struct, frozen=True):
    """What was looked at, and how many findings there are of each severity after the baseline."""

    calls: int
    new_calls: int
    tables: int
    entries: int
    error: int
    warning: int
    legacy: int
    in_baseline: int
    seen_before: int  # in diff mode: findings that the tree had without the patch


class Report(msgspec.Struct, frozen=True):
    """What `pumphouse syscalls lint --json` prints. Findings are sorted: severity, rule, file, line."""

    tree: str
    version: str
    rules: tuple[str, ...]
    counts: Counts
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether no error is left."""
        return self.counts.error == 0


class BaselineEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that is known. Lines move, so they are no part of it."""

    rule: str
    file: str
    syscall: str
    message: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The findings that a project has decided to live with."""

    version: str
    known: tuple[BaselineEntry, ...]


def choose_rules(names: str) -> tuple[Rule, ...]:
    """The rules that a list such as `R1,R4` names; all for the empty string. Raises UserError for unknown ones."""
    if not names:
        return RULES
    wanted = [name.strip().upper() for name in names.split(",") if name.strip()]
    known = {rule.name: rule for rule in RULES}
    for name in wanted:
        if name not in known:
            raise UserError(
                f"there is no rule {name}",
                where="--rules",
                why=f"the rules are {RULES[0].name} to {RULES[-1].name}",
                next_step="--rules R1,R4",
            )
    return tuple(known[name] for name in dict.fromkeys(wanted))


def find_all(
    tree: KernelTree, rules: Iterable[Rule] = RULES, *, btf: Btf | None = None, progress: Progress | None = None
) -> tuple[Subject, list[Finding]]:
    """All findings of some rules in a tree, sorted."""
    subject = Subject(tree, btf)
    chosen = list(rules)
    found: set[Finding] = set()
    for count, rule in enumerate(chosen):
        if progress:
            progress(f"{rule.name}: {rule.title}", count / len(chosen))
        found.update(rule.find(subject))
    return subject, sorted(found, key=_key)


def _key(finding: Finding) -> tuple[int, int, str, int, str]:
    return (_ORDER[finding.severity], int(finding.rule[1:]), finding.file, finding.line, finding.message)


def lint(
    files: Files,
    *,
    name: str,
    rules: tuple[Rule, ...] = RULES,
    btf: Btf | None = None,
    patch: Applied | None = None,
    baseline: Baseline | None = None,
    progress: Progress | None = None,
) -> Report:
    """Lint a tree. With a patch only what the patch brings: findings that the tree has after it and not before.

    Raises UserError where the files are no kernel tree.
    """
    seen_before = 0
    tree = read_tree(OverlaidFiles(files, patch.files) if patch else files, progress=progress)
    subject, findings = find_all(tree, rules, btf=btf, progress=progress)
    if patch is not None:
        _, old = find_all(read_tree(files, progress=progress), rules, btf=btf, progress=progress)
        before = Counter(_identity(finding) for finding in old)
        kept = []
        for finding in findings:
            if before[_identity(finding)] > 0:
                before[_identity(finding)] -= 1
                seen_before += 1
            else:
                kept.append(finding)
        findings = kept
    in_baseline = 0
    if baseline is not None:
        known = set(baseline.known)
        kept = [finding for finding in findings if _entry(finding) not in known]
        in_baseline = len(findings) - len(kept)
        findings = kept
    severities = Counter(finding.severity for finding in findings)
    counts = Counts(
        calls=len(subject.calls),
        new_calls=len(subject.new_calls),
        tables=len(tree.tables),
        entries=sum(len(table.entries) for table in tree.tables),
        error=severities[ERROR],
        warning=severities[WARNING],
        legacy=severities[LEGACY],
        in_baseline=in_baseline,
        seen_before=seen_before,
    )
    return Report(name, tree.version, tuple(rule.name for rule in rules), counts, tuple(findings))


def _entry(finding: Finding) -> BaselineEntry:
    return BaselineEntry(finding.rule, finding.file, finding.syscall, finding.message)


def _identity(finding: Finding) -> tuple[str, str, str, str]:
    """What makes a finding the same before and after a patch: not its line, and not the lines named in its message."""
    message = "".join(part for part in finding.message.split(" ") if ":" not in part or not part[-1].isdigit())
    return (finding.rule, finding.file, finding.syscall, message)


def make_baseline(report: Report) -> Baseline:
    """A baseline of all findings of a report, each once, sorted."""
    entries = {_entry(finding) for finding in report.findings}
    ordered = sorted(entries, key=lambda entry: (int(entry.rule[1:]), entry.file, entry.syscall, entry.message))
    return Baseline(report.version, tuple(ordered))


def read_baseline(data: bytes, *, where: str) -> Baseline:
    """A baseline from its JSON. Raises UserError where it is none."""
    try:
        return msgspec.json.decode(data, type=Baseline)
    except msgspec.DecodeError as error:
        raise UserError(
            "the baseline cannot be read",
            where=where,
            why=str(error),
            next_step="write it anew with --write-baseline FILE",
        ) from error

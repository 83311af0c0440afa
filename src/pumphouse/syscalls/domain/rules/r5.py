# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R5: before the copy, a size above PAGE_SIZE is refused with E2BIG and one below VER0 with EINVAL."""

from __future__ import annotations

from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import STRUCT_COPIERS, Extensible, SizeCheck
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject


def _check(subject: Subject) -> Iterator[Hit]:
    seen = set()
    for is_new, item in subject.structs:
        place = (item.file, item.line, item.tag)
        if item.size_via.startswith("=") or not item.size_via or place in seen or not _is_bound(item):
            continue
        seen.add(place)
        for hit in _check_struct(subject, item):
            yield hit if is_new else hit._replace(severity="legacy")


def _is_bound(item: Extensible) -> bool:
    """Copiers that check sizes by a rule of their own (bpf) and sizes of mere buffers are not judged."""
    return item.copier in STRUCT_COPIERS or (item.direction == "out" and bool(item.versions))


def _check_struct(subject: Subject, item: Extensible) -> Iterator[Hit]:
    before = [check for check in item.checks if check.order < item.copy_order]
    after = [check for check in item.checks if check.order > item.copy_order]
    above = [check for check in before if check.operator in (">", ">=") and "PAGE_SIZE" in check.bound]
    below = [check for check in before if check.operator in ("<", "<=")]
    if not above:
        late = any(check.operator in (">", ">=") and "PAGE_SIZE" in check.bound for check in after)
        yield Hit(
            ERROR,
            item.file,
            item.line,
            item.call,
            f"{item.call}: {item.size_via} is {'only after the copy ' if late else 'never '}refused above PAGE_SIZE",
            f"if (unlikely({item.size_via.rpartition('.')[2]} > PAGE_SIZE)) return -E2BIG;",
        )
    elif not any(check.error == "E2BIG" for check in above):
        yield _deviation(item, above[0], "too large", "E2BIG")
    elif above[0].operator == ">=":
        yield Hit(
            WARNING,
            above[0].file,
            above[0].line,
            item.call,
            f"{item.call}: a size of PAGE_SIZE itself is refused",
            "compare with `>`",
        )
    yield from _check_minimum(subject, item, below)


def _check_minimum(subject: Subject, item: Extensible, below: list[SizeCheck]) -> Iterator[Hit]:
    if not below:
        yield Hit(
            ERROR,
            item.file,
            item.line,
            item.call,
            f"{item.call}: {item.size_via} is never refused below the first version",
            f"if (unlikely({item.size_via.rpartition('.')[2]} < NAME_SIZE_VER0)) return -EINVAL;",
        )
        return
    check = below[0]
    if check.error != "EINVAL":
        yield _deviation(item, check, "too small", "EINVAL")
    bound = subject.tree.headers.value(check.bound, check.file)
    first = item.versions[0].size if item.versions else None
    if bound is not None and first is not None and bound != first:
        yield Hit(
            ERROR,
            check.file,
            check.line,
            item.call,
            f"{item.call}: sizes below {bound} are refused, but {item.versions[0].macro} is {first}",
            "refuse only what is smaller than the first version: old binaries must go on working",
        )


def _deviation(item: Extensible, check: SizeCheck, what: str, wanted: str) -> Hit:
    return Hit(
        WARNING,
        check.file,
        check.line,
        item.call,
        f"{item.call}: a size that is {what} gives {check.error}, not {wanted}; programs may rely on it by now",
        f"new code returns -{wanted}; what was released stays as it is and is documented",
    )


RULE = Rule(
    5,
    "sizes above PAGE_SIZE are E2BIG, below VER0 EINVAL, before the copy",
    "copy_struct_from_user scans the whole tail, sized by the caller; and callers tell kernels apart by these errors",
    "check both bounds before copy_struct_from_user, as its kernel-doc shows",
    _check,
)

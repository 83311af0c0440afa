# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R2: unknown flags are refused with EINVAL, and no bit is removed before (R2b)."""

from __future__ import annotations

from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import STRUCT_COPIERS
from pumphouse.syscalls.domain.flow import Event
from pumphouse.syscalls.domain.masks import REFUSALS, is_flag_name
from pumphouse.syscalls.domain.rules.records import ERROR, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject

_CHECKS = frozenset({"mask", "zero", "enum", "range"})


def _check(subject: Subject) -> Iterator[Hit]:
    for name, definition in subject.calls.items():
        for argument in definition.arguments:
            if is_flag_name(argument.name) and "*" not in argument.ctype:
                yield from _check_word(subject, name, argument.name, definition.file, definition.line)
    for is_new, item in subject.structs:
        if item.copier in STRUCT_COPIERS and not item.call.endswith("()") and item.direction == "in" and item.tag:
            layout = subject.tree.headers.layout(item.tag)
            for field in layout.fields if layout else ():
                if is_flag_name(field.name) and is_new:
                    yield from _check_word(subject, item.call, f"{item.tag}.{field.name}", item.file, item.line)
    yield from _check_removed(subject)


def _check_word(subject: Subject, name: str, word: str, file: str, line: int) -> Iterator[Hit]:
    events = [event for event in subject.events(name) if event.word == word]
    refusals = [event for event in events if event.kind in _CHECKS and event.error in REFUSALS]
    if refusals:
        yield from _check_effects(subject, name, word, refusals[0])
        return
    if any(event.kind == "unknown" for event in events):
        return  # it went where it could not be followed: nothing is known
    yield Hit(
        subject.severity(name, ERROR),
        file,
        line,
        name,
        f"{name}: nothing refuses unknown bits of {word}",
    )


def _check_effects(subject: Subject, name: str, word: str, refusal: Event) -> Iterator[Hit]:
    """What changed something before the first refusal: the caller gets EINVAL, and it happened nevertheless."""
    for event in subject.events(name):
        if event.kind in ("effect", "out") and event.order < refusal.order and not event.conditional:
            yield Hit(
                subject.severity(name, ERROR),
                event.file,
                event.line,
                name,
                f"{name}: {event.what} runs before unknown bits of {word} are refused",
                "refuse unknown bits before anything is changed",
            )
            return


def _check_removed(subject: Subject) -> Iterator[Hit]:
    for name in subject.new_calls:
        if name not in subject.tree.traces:
            continue
        for word in subject.words(name).values():
            if word.mask is None or word.conditional or not word.stripped & ~word.mask:
                continue
            strips = [event for event in subject.events(name) if event.kind == "strip" and event.word == word.word]
            yield Hit(
                ERROR,
                strips[0].file,
                strips[0].line,
                name,
                f"{name}: {word.word} loses {word.stripped & ~word.mask:#x} before unknown bits are refused (R2b)",
                "refuse unknown bits first, of the word as the caller gave it; remove bits afterwards",
            )


RULE = Rule(
    2,
    "unknown flags are refused",
    "a bit that is ignored today can never get a meaning: old programs may set it, and new ones cannot ask for it",
    "begin with `if (flags & ~NAME_VALID_FLAGS) return -EINVAL;`, or `if (flags) return -EINVAL;` while there are none",
    _check,
)

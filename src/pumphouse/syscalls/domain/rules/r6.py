# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R6: structs that can grow are copied by copy_struct_from_user and copy_struct_to_user; sizes are read once."""

from __future__ import annotations

from collections.abc import Iterator

from pumphouse.syscalls.domain.extensible import STRUCT_COPIERS
from pumphouse.syscalls.domain.flow import Event, tag_of
from pumphouse.syscalls.domain.masks import is_struct_pointer
from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject


def _check(subject: Subject) -> Iterator[Hit]:
    for name, definition in subject.calls.items():
        if name not in subject.tree.traces:
            continue
        events = subject.events(name)
        sizes = {argument.name for argument in definition.arguments if "*" not in argument.ctype}
        tags = {tag_of(argument.ctype) for argument in definition.arguments if is_struct_pointer(argument)}
        for event in events:
            if event.kind in ("copy", "out") and event.what not in STRUCT_COPIERS:
                yield from _check_copy(subject, name, event, sizes, tags)
        yield from _check_second_read(subject, name, events)


def _check_copy(subject: Subject, name: str, event: Event, sizes: set[str], tags: set[str]) -> Iterator[Hit]:
    if event.error not in sizes or event.word not in tags or event.what == "copy_from_bpfptr":
        return
    layout = subject.tree.headers.layout(event.word)
    if layout is None or layout.is_flexible:
        return
    wanted = "copy_struct_from_user" if event.kind == "copy" else "copy_struct_to_user"
    yield Hit(
        subject.severity(name, ERROR if event.kind == "copy" else WARNING),
        event.file,
        event.line,
        name,
        f"{name}: struct {event.word} is copied by {event.what} with the caller's size {event.error}",
        f"{wanted}() handles sizes that are larger and smaller",
    )


def _check_second_read(subject: Subject, name: str, events: list[Event]) -> Iterator[Hit]:
    """A size that was fetched alone, and whose copy inside the struct is used after the struct was copied."""
    for fetch in events:
        if fetch.kind != "fetch":
            continue
        word = fetch.word.rstrip("!")
        copies = [event.order for event in events if event.kind == "copy" and event.error == fetch.word]
        later = [event for event in events if event.word == word and copies and event.order > copies[0]]
        if later and not _is_set_again(subject, fetch, word):
            yield Hit(
                subject.severity(name, ERROR),
                later[0].file,
                later[0].line,
                name,
                f"{name}: {word} is used after the struct was copied, but another value of it was checked",
                f"set the field after the copy to the size that was checked ({fetch.what})",
            )


def _is_set_again(subject: Subject, fetch: Event, word: str) -> bool:
    field = word.partition(".")[2]
    function = subject.tree.sources.functions(fetch.file).get(fetch.function)
    if function is None:
        return False
    text = subject.tree.sources.text(fetch.file)[function.body_start : function.body_end]
    return f"->{field} = {fetch.what}" in text or f".{field} = {fetch.what}" in text


RULE = Rule(
    6,
    "structs that can grow are copied by copy_struct_from_user, sizes read once",
    "open-coded copies get one of the three cases wrong; what is read twice, another thread can change in between",
    "use copy_struct_from_user() and copy_struct_to_user(); read an embedded size once and use that value",
    _check,
)

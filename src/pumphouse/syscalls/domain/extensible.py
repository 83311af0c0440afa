# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Structs that can grow: which calls take one, how its size comes in, what the code checks of it, its versions.

A struct counts as one that can grow where its copier says so (copy_struct_from_user, copy_struct_to_user, a check of
the bytes behind), where the headers give it *_SIZE_VERn macros, or where its size is an argument beside it.
"""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec

from pumphouse.syscalls.domain.flow import Event, Trace, tag_of
from pumphouse.syscalls.domain.masks import is_followed, is_struct_pointer, trace_call
from pumphouse.syscalls.domain.tree.ctext import Function, find_close, split_arguments
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.layout import Layout
from pumphouse.syscalls.domain.tree.records import Argument, Definition

STRUCT_COPIERS = frozenset({"copy_struct_from_user", "copy_struct_from_bpfptr", "copy_struct_to_user"})
SIZE_NAMES = frozenset({"size", "usize", "len", "bufsize", "usz", "ulen"})


class Version(msgspec.Struct, frozen=True):
    """One *_SIZE_VERn macro."""

    number: int
    macro: str
    size: int | None
    file: str
    line: int


class SizeCheck(msgspec.Struct, frozen=True):
    """A refusal by size: `< OPEN_HOW_SIZE_VER0` with EINVAL."""

    operator: str
    bound: str
    error: str
    file: str
    line: int
    order: int


class Extensible(msgspec.Struct, frozen=True):
    """A struct that can grow, as one call (or one function below an ioctl or an operation) takes or gives it."""

    call: str
    tag: str
    direction: str  # in or out
    size_via: str  # the argument `usize`, or the field `sched_attr.size`
    copier: str  # empty where the struct only has a size beside it
    copy_order: int
    size: int | None  # bytes on 64-bit machines
    size32: int | None
    versions: tuple[Version, ...]
    checks: tuple[SizeCheck, ...]
    file: str
    line: int
    function: str
    fetches: int = 0  # how often the size was read from the struct before the copy

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of all versions, the struct's own last."""
        known = {version.size for version in self.versions if version.size}
        return tuple(sorted(known | ({self.size} if self.size else set())))


def find_extensibles(tree: KernelTree) -> dict[str, tuple[Extensible, ...]]:
    """The structs that can grow, by call; kept with the tree."""
    kept: dict[str, tuple[Extensible, ...]] | None = tree.extensibles
    if kept is None:
        found: dict[str, tuple[Extensible, ...]] = {}
        for name, definition in tree.natives.items():
            if is_followed(definition):
                structs = _of_call(tree, definition)
                if structs:
                    found[name] = structs
        kept = tree.extensibles = found
    return kept


def _of_call(tree: KernelTree, definition: Definition) -> tuple[Extensible, ...]:
    events = trace_call(tree, definition)
    found: dict[tuple[str, str], Extensible] = {}
    for event in events:
        if event.kind in ("copy", "out", "tail") and _can_grow(tree, definition, event):
            key = (event.word, "out" if event.kind == "out" else "in")
            if event.word and (
                key not in found or (event.what in STRUCT_COPIERS) > (found[key].copier in STRUCT_COPIERS)
            ):
                found[key] = describe(tree, definition.name, event, events)
    if any(direction == "in" and item.copier in STRUCT_COPIERS for (_, direction), item in found.items()):
        return tuple(found.values())
    for argument, size in _sized(definition.arguments):
        tag = tag_of(argument.ctype)
        if not any(known == tag for known, _ in found) and _lowest_number(tree, definition.name) >= NEW_ERA:
            event = Event("sized", tag, "", size.name, False, definition.file, definition.line, definition.name, -1)
            found[tag, "in"] = describe(tree, definition.name, event, events)
    return tuple(found.values())


NEW_ERA = 424  # pidfd_send_signal: from here on numbers are the same on all architectures, and the conventions young


def _lowest_number(tree: KernelTree, name: str) -> int:
    numbers = tree.numbers.get(name, {})
    return min((number for label, number in numbers.items() if label != "alpha"), default=0)


def _can_grow(tree: KernelTree, definition: Definition, event: Event) -> bool:
    if event.what in STRUCT_COPIERS or (event.kind == "tail" and event.what == "bpf_check_uarg_tail_zero"):
        return True
    if event.kind == "tail":
        return False
    return bool(versions_of(tree, event.word, event.file)) and event.word in {
        tag_of(argument.ctype) for argument in definition.arguments
    }


def _sized(arguments: tuple[Argument, ...]) -> list[tuple[Argument, Argument]]:
    pairs = []
    for first, second in pairwise(arguments):
        if is_struct_pointer(first) and second.name in SIZE_NAMES:
            pairs.append((first, second))
    return pairs


def describe(tree: KernelTree, call: str, event: Event, events: list[Event]) -> Extensible:
    """What is known of the struct that an event copies."""
    layout = layout_of(tree, event.word)
    size_word = event.error
    if event.kind == "out" and size_word.startswith("="):
        sizes = [other.word for other in events if other.kind == "range" and other.word.split(".")[-1] in SIZE_NAMES]
        size_word = sizes[0] if sizes else size_word
    checks = tuple(
        SizeCheck(
            other.what.split(" ")[0], other.what.partition(" ")[2], other.error, other.file, other.line, other.order
        )
        for other in events
        if other.kind == "range" and other.word == size_word and not other.conditional
    )
    return Extensible(
        call=call,
        tag=event.word,
        direction="out" if event.kind == "out" else "in",
        size_via=size_word.rstrip("!"),
        copier=event.what,
        copy_order=event.order,
        size=layout.size if layout else None,
        size32=layout.size32 if layout else None,
        versions=versions_of(tree, event.word, event.file),
        checks=checks,
        file=event.file,
        line=event.line,
        function=event.function,
        fetches=sum(
            1 for other in events if other.kind == "fetch" and other.word == size_word and other.order < event.order
        ),
    )


def layout_of(tree: KernelTree, tag: str) -> Layout | None:
    """The layout of a struct or union of this tag."""
    return tree.headers.layout(tag) or tree.headers.layout(tag, "union")


def versions_of(tree: KernelTree, tag: str, file: str = "") -> tuple[Version, ...]:
    """The *_SIZE_VERn macros of a struct: of its header, of the header of that name in include/linux, of a file."""
    key = (tag, file)
    if key in tree.versions:
        return tree.versions[key]
    place = tree.headers.place(tag) or tree.headers.place(tag, "union")
    files = [place.file, place.file.replace("include/uapi/", "include/")] if place else []
    found: dict[int, Version] = {}
    for header in dict.fromkeys([*files, file]):
        if not header:
            continue
        for name in tree.headers.names_like(r"\w+_SIZE_VER\d+", header):
            prefix, _, number = name.rpartition("_SIZE_VER")
            macro = tree.headers.macro(name, header)
            if macro and _is_named_after(prefix, tag) and int(number) not in found:
                found[int(number)] = Version(
                    int(number), name, tree.headers.value(name, header), macro.file, macro.line
                )
    for count in range(10) if not found and place else ():
        name = f"{tag.upper()}_SIZE_VER{count}"
        macro = tree.headers.macro(name)
        if macro is None:
            break
        found[count] = Version(count, name, tree.headers.value(name, macro.file), macro.file, macro.line)
    tree.versions[key] = tuple(found[number] for number in sorted(found))
    return tree.versions[key]


def _is_named_after(prefix: str, tag: str) -> bool:
    """Whether a macro's prefix is made of a struct's words: PERF_ATTR of perf_event_attr."""
    words = tag.lower().split("_")
    position = 0
    for part in prefix.lower().split("_"):
        while position < len(words) and not (words[position].startswith(part) or part.startswith(words[position])):
            position += 1
        if position == len(words):
            return False
        last = position
        position += 1
    return last == len(words) - 1


_TEST = re.compile(r"(?:^|[/_])(?:test|kunit|selftest)[_.]|_(?:test|kunit)\.c$")
_SITE = re.compile(
    r"\b(copy_struct_from_user|copy_struct_to_user|copy_struct_from_sockptr|copy_struct_from_bpfptr)\s*\("
)


def find_sites(tree: KernelTree) -> list[Extensible]:
    """The calls of a struct copier in the tree's code that no system call was followed to: below ioctls, operations."""
    reached = {(item.file, item.line) for items in find_extensibles(tree).values() for item in items}
    for events in tree.traces.values():
        reached |= {(event.file, event.line) for event in events if event.what in STRUCT_COPIERS}
    found = []
    for file in tree.copier_paths:
        if _TEST.search(file):
            continue
        text = tree.sources.text(file)
        for match in _SITE.finditer(text):
            line = tree.sources.line(file, match.start())
            if (file, line) in reached:
                continue
            inside = next(
                (
                    item
                    for item in tree.sources.functions(file).values()
                    if item.body_start < match.start() < item.body_end
                ),
                None,
            )
            if inside is None:
                continue
            trace = Trace(tree)
            arguments = _seeds(text, match.end() - 1, inside, tree.sources.arguments(file, inside.name))
            trace.follow(inside.name, file, inside.body_start, inside.body_end, arguments)
            for event in trace.events:
                if event.kind in ("copy", "out") and event.file == file and event.line == line:
                    found.append(describe(tree, f"{inside.name}()", event, trace.events))
                    break
            else:
                event = Event("site", "", match.group(1), "", False, file, line, inside.name, -1)
                found.append(describe(tree, f"{inside.name}()", event, trace.events))
    return found


def _seeds(text: str, opening: int, inside: Function, parameters: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """A function's parameters, and the local variables that a copier gets for the caller's pointer and its size."""
    body = text[inside.body_start : opening]
    known = {parameter.name for parameter in parameters}
    seeds = list(parameters)
    for argument in split_arguments(text[opening + 1 : find_close(text, opening)])[2:]:
        if argument.isidentifier() and argument not in known:
            declared = re.search(rf"\b((?:const )?(?:struct|union)\s+\w+\s+__user\s*\*)\s*{argument}\b", body)
            seeds.append(Argument(declared.group(1) if declared else "size_t", argument))
    return tuple(seeds)

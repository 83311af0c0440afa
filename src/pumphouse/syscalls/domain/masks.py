# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The bits that each flag word accepts, as the validating code states them.

A word's mask is what every refusal that is always reached leaves: `x & ~(A | B)` leaves A and B, `x & C` takes C away,
`if (x)` leaves nothing. Where all refusals stand under conditions, the mask is what any of them leaves (openat2's mode:
07777 with O_CREAT, 0 without). A list of values (`switch`, `x != A && x != B`) is told as values, not as a mask.
"""

from __future__ import annotations

import msgspec

from pumphouse.syscalls.domain.flow import Event, Trace
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.records import Argument, Definition

REFUSALS = frozenset({"EINVAL", "false", "EOPNOTSUPP", "E2BIG"})
_ALL = (1 << 64) - 1


class Word(msgspec.Struct, frozen=True):
    """One word of a call: what it accepts and where that is stated.

    `mask` is None where the code states none that can be worked out; `values` is filled where it is an enumeration.
    `stripped` are bits that were removed before the first refusal, so that no refusal sees them.
    """

    word: str
    mask: int | None
    values: tuple[int, ...] = ()
    conditional: bool = False
    stripped: int = 0
    named: bool = True  # the mask is one macro, not an expression
    expression: str = ""
    file: str = ""
    line: int = 0
    followed: bool = True  # False where the word went into a function that could not be followed


def trace_calls(tree: KernelTree) -> dict[str, list[Event]]:
    """The events of every native definition that has a flag word or takes a struct from user space, by call."""
    return {name: trace_call(tree, definition) for name, definition in tree.natives.items() if is_followed(definition)}


def trace_call(tree: KernelTree, definition: Definition) -> list[Event]:
    """The events of one definition; kept with the tree."""
    kept = tree.traces.get(definition.name)
    if kept is None:
        kept = tree.traces[definition.name] = tuple(Trace(tree).follow_definition(definition))
    return list(kept)


def is_followed(definition: Definition) -> bool:
    """Whether a call has something that flows worth following."""
    return any(is_flag_name(argument.name) or is_struct_pointer(argument) for argument in definition.arguments)


def is_flag_name(name: str) -> bool:
    """Whether an argument is a flag word by its name."""
    return name == "flags" or name.endswith(("_flags", "flag", "flg")) or name.startswith("flags_")


def is_struct_pointer(argument: Argument) -> bool:
    """Whether an argument points to a struct or union of the caller."""
    return "__user" in argument.ctype and ("struct " in argument.ctype or "union " in argument.ctype)


def words_of(tree: KernelTree, events: list[Event]) -> dict[str, Word]:
    """The words that the events of one call say something about."""
    order: dict[str, list[Event]] = {}
    for event in events:
        if event.word.endswith("!"):
            continue
        if event.kind in ("mask", "zero", "enum", "strip", "range", "unknown", "narrow", "pass"):
            order.setdefault(event.word, []).append(event)
    return {word: _judge(tree, word, found) for word, found in order.items()}


def _judge(tree: KernelTree, word: str, events: list[Event]) -> Word:
    refusals = [event for event in events if event.error in REFUSALS]
    valued = [(event, _refused(tree, event)) for event in refusals if event.kind in ("mask", "zero")]
    whole = [
        (event, ~refused & _ALL | _passed(tree, events, event.order))
        for event, refused in valued
        if refused is not None and refused < 0
    ]
    always = [(event, left) for event, left in whole if not event.conditional] or _in_one_function(whole)
    sometimes = [(event, left) for event, left in whole if event.conditional and event.kind == "mask"]
    mask: int | None = None
    if always:
        mask = _ALL
        for _, left in always:
            mask &= left
    elif sometimes:
        mask = 0
        for _, left in sometimes:
            mask |= left
    if mask is not None:
        for event, refused in valued:
            is_sure = not event.conditional or (
                bool(always) and not event.local and event.function == always[0][0].function
            )
            if refused is not None and refused >= 0 and is_sure:
                mask &= ~refused
    values = _values(tree, refusals) if mask is None else ((), None)
    stated = always or sometimes
    first = stated[0][0] if stated else values[1]
    return Word(
        word=word,
        mask=mask,
        values=values[0],
        conditional=bool(stated) and stated[0][0].conditional,
        stripped=_stripped(tree, events, always[0][0].order if always else None),
        named=first is None or _is_named(first),
        expression=first.what if first else "",
        file=first.file if first else "",
        line=first.line if first else 0,
        followed=not any(event.kind == "unknown" for event in events),
    )


def _in_one_function(whole: list[tuple[Event, int]]) -> list[tuple[Event, int]]:
    """The refusals that one function always makes, where that function is reached only sometimes (once p is found)."""
    sure = [(event, left) for event, left in whole if not event.local and event.kind == "mask"]
    return [(event, left) for event, left in sure if event.function == sure[0][0].function]


def _passed(tree: KernelTree, events: list[Event], before: int) -> int:
    """The bits with which the code has returned before a refusal: it says nothing of them."""
    passed = 0
    for event in events:
        if event.kind == "pass" and event.order < before:
            value = tree.headers.value(event.what, event.file)
            passed |= value if value is not None and value > 0 else 0
    return passed


def _refused(tree: KernelTree, event: Event) -> int | None:
    return -1 if event.kind == "zero" else tree.headers.value(event.what, event.file)


def _values(tree: KernelTree, refusals: list[Event]) -> tuple[tuple[int, ...], Event | None]:
    for event in refusals:
        if event.kind == "enum" and not event.conditional:
            known = [tree.headers.value(case, event.file) for case in event.what.split(" ")]
            return tuple(sorted({value for value in known if value is not None})), event
    return (), None


def _stripped(tree: KernelTree, events: list[Event], before: int | None) -> int:
    """The bits that are removed before the first refusal that is always reached, or ever where there is none."""
    stripped = 0
    for event in events:
        if event.kind == "strip" and not event.conditional and (before is None or event.order < before):
            kept = tree.headers.value(event.what, event.file)
            stripped |= ~kept & _ALL if kept is not None else 0
    return stripped


def _is_named(event: Event) -> bool:
    """Whether a refusal names one macro: `(~VALID_OPEN_FLAGS)`; a zero or a list of values needs none."""
    if event.kind != "mask":
        return True
    return event.what.strip("()~ ").isidentifier()


def accepted_of(tree: KernelTree) -> dict[str, dict[str, int]]:
    """As `masks_of`, with the bits that are dropped before unknown ones are refused: what a probe of it sees."""
    found = masks_of(tree)
    for name, masks in found.items():
        for word, judged in words_of(tree, trace_call(tree, tree.natives[name])).items():
            if word in masks and not judged.conditional:
                masks[word] |= judged.stripped
    return found


def masks_of(tree: KernelTree) -> dict[str, dict[str, int]]:
    """The accepted bits of every word that the code states a mask for: {"openat2": {"open_how.flags": 0x7fffc3, ...}}.

    Word ids are an argument's name, or `struct_tag.field`.
    """
    found: dict[str, dict[str, int]] = {}
    for name, events in trace_calls(tree).items():
        masks = {word: judged.mask for word, judged in words_of(tree, events).items() if judged.mask is not None}
        if masks:
            found[name] = masks
    return found

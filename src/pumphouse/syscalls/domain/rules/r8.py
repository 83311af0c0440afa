# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""R8: no multiplexers. A multiplexer's selector decides what its other arguments mean; a mere selector does not.

What tells them apart: beside an argument named like a command there is one whose type depends on it (void *, a union,
an unsigned long that is cast), or the command leads to different functions (three at least, by a switch). flock,
getpriority, waitid and getitimer choose too, but their arguments stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pumphouse.syscalls.domain.rules.records import ERROR, WARNING, Hit, Rule
from pumphouse.syscalls.domain.rules.subject import Subject
from pumphouse.syscalls.domain.statements import find_branches
from pumphouse.syscalls.domain.tree.ctext import find_close, split_arguments
from pumphouse.syscalls.domain.tree.records import Argument, Definition

_SELECTOR = re.compile(r"^(?:cmd|op|opcode|option|request|call|func|code|operation|optname|type|rule_type)$")
_STRONG = re.compile(r"^(?:cmd|op|opcode|option|optname|request|call|func|operation)$")
_VARYING = re.compile(r"^(?:const )?(?:void|char|unsigned char) __user \*|^union \w+ __user \*")
_DISPATCH = re.compile(r"(?:\breturn|=)\s*(\w+)\s*\(")
_SOFT = frozenset({"rule_type", "type"})


def _check(subject: Subject) -> Iterator[Hit]:
    for name, definition in subject.calls.items():
        found = find_selector(subject, definition)
        if found:
            selector, because = found
            severity = WARNING if selector in _SOFT else ERROR
            yield Hit(
                subject.severity(name, severity),
                definition.file,
                definition.line,
                name,
                f"{name} is a multiplexer: {selector} decides {because}",
            )


def find_selector(subject: Subject, definition: Definition) -> tuple[str, str] | None:
    """The selector of a multiplexer and what it decides; None where a call is none."""
    selector = next(
        (argument for argument in definition.arguments if _SELECTOR.match(argument.name) and "*" not in argument.ctype),
        None,
    )
    if selector is None:
        return None
    varying = [argument for argument in definition.arguments if argument is not selector and _varies(argument)]
    varying.sort(key=lambda argument: "char" in argument.ctype)
    cases, functions = _dispatch(subject, definition, selector.name)
    if varying and (cases >= 2 or _STRONG.match(selector.name) or selector.name in _SOFT):
        return selector.name, f"what {varying[0].name} is"
    if _STRONG.match(selector.name) and functions >= 3:
        return selector.name, f"which of {functions} functions runs"
    return None


def _varies(argument: Argument) -> bool:
    if _VARYING.match(argument.ctype):
        return not re.search(r"name|path|special", argument.name)
    return argument.ctype == "unsigned long" and bool(re.match(r"^(?:arg\d?|data|addr|ptr|third)$", argument.name))


def _dispatch(subject: Subject, definition: Definition, selector: str) -> tuple[int, int]:
    """How many cases switches over the selector have, and to how many functions they lead, two calls deep."""
    cases = 0
    functions: set[str] = set()
    todo = [(definition.body, definition.file, selector, 0)]
    while todo:
        text, file, name, depth = todo.pop()
        names = {name, *re.findall(rf"\b(\w+)\s*=\s*{name}\s*(?:&[^;]*)?;", text)}
        for branch in find_branches(text):
            if branch.kind == "switch" and branch.condition.partition("&")[0].strip() in names:
                guarded = text[branch.inner : branch.end]
                cases += len(re.findall(r"\bcase\b", guarded))
                functions |= set(_DISPATCH.findall(guarded))
        if depth >= 2:
            continue
        for match in re.finditer(r"\b([a-z_]\w*)\s*\(", text):
            close = find_close(text, match.end() - 1)
            arguments = split_arguments(text[match.end() : close]) if close > 0 else []
            if name not in arguments:
                continue
            found = subject.tree.sources.find_function(match.group(1), file)
            if found:
                parameters = [
                    parameter.name for parameter in subject.tree.sources.arguments(found.file, found.function.name)
                ]
                place = arguments.index(name)
                if place < len(parameters):
                    todo.append((subject.tree.sources.body(found), found.file, parameters[place], depth + 1))
    return cases, len(functions)


RULE = Rule(
    8,
    "no multiplexers",
    "seccomp, tracers, libraries and compilers see one call with arguments of no known type",
    "make one system call for each operation; they are cheap",
    _check,
)

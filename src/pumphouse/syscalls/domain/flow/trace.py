# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Follows what a system call was given through its body and the functions it calls, in the order of the text.

It is not a compiler: it follows plain assignments, initialisers, pointers handed to functions, and constants handed to
functions (`if (user)` below `f(..., true)`), up to five calls deep. What it cannot follow it says (`unknown`).
"""

from __future__ import annotations

import re

from pumphouse.syscalls.domain.flow.conditions import Conditions
from pumphouse.syscalls.domain.flow.reach import bring_back, constant_label, is_constant, reach, value_end
from pumphouse.syscalls.domain.flow.records import (
    At,
    Event,
    Frame,
    Path,
    label_of,
    label_path,
    path_of,
    tag_of,
    word_of,
)
from pumphouse.syscalls.domain.statements import Branch, find_branches, find_error, split_top, strip_outer
from pumphouse.syscalls.domain.tree.ctext import collapse, find_close, split_arguments
from pumphouse.syscalls.domain.tree.definitions import declare_arguments
from pumphouse.syscalls.domain.tree.kernel import KernelTree
from pumphouse.syscalls.domain.tree.layout import keep_first_branches
from pumphouse.syscalls.domain.tree.records import Argument, Definition
from pumphouse.syscalls.domain.tree.sources import Found

DEPTH_LIMIT = 5
FRAME_LIMIT = 80

# Possessive quantifiers: without them this is what most of the time goes to.
_EVENT = re.compile(
    r"(?<![\w.>])(?P<left>[A-Za-z_]\w*+(?:\s*+(?:->|\.)\s*+\w++)*+)\s*+(?:&=(?P<kept>[^;]*);|(?P<set>=)(?!=))"
    r"|\breturn\b(?P<back>[^;]*);"
)
_CALL = re.compile(r"(?<!\w)([a-z_]\w*+)\s*+\(")
_FIELD_SET = re.compile(r"\.(\w+)\s*=\s*([^,{}]+)")
_TARGET = re.compile(r"([A-Za-z_]\w*(?:(?:->|\.)\w+)*)\s*=\s*$")
_NOT_CALLS = frozenset(
    re.findall(
        r"\w+",
        "if while for switch return sizeof typeof offsetof offsetofend unlikely likely do else case defined "
        "static_assert min max min_t max_t __free u64_to_user_ptr access_ok memset hweight32 hweight64 clamp "
        "pr_debug pr_warn_once",
    )
)
_COPIERS = {
    "copy_struct_from_user": (0, 2, 3),
    "copy_struct_from_bpfptr": (0, 2, 3),
    "copy_struct_from_sockptr": (0, 2, 3),
    "copy_from_bpfptr": (0, 1, 2),
    "copy_from_user": (0, 1, 2),
    "__copy_from_user": (0, 1, 2),
}
_OUT_COPIERS = {"copy_struct_to_user": (2, 0, 1), "copy_to_user": (1, 0, 2)}
_TAIL_CHECKS = {"check_zeroed_user": (0, 1), "bpf_check_uarg_tail_zero": (0, 2)}
_EFFECTS = frozenset({"fd_install", "anon_inode_getfd", "put_user", "__put_user", "commit_creds", "wake_up_new_task"})
_HARMLESS = ("audit_", "trace_", "kfree", "fput", "put_", "pr_")


class Trace:
    """The events of one system call, or of one function that takes a user pointer."""

    def __init__(self, tree: KernelTree) -> None:
        self._tree = tree
        self.events: list[Event] = []
        self._conditions = Conditions(self._note)
        self._frames = 0
        self._stack: list[str] = []
        self._tags: dict[str, str] = {}

    def follow_definition(self, definition: Definition) -> list[Event]:
        """Follow a system call from its arguments."""
        self.follow(definition.name, definition.file, definition.body_start, definition.body_end, definition.arguments)
        return self.events

    def follow(self, name: str, file: str, start: int, end: int, arguments: tuple[Argument, ...]) -> None:
        """Follow a function's text from its arguments: values by name, user pointers as `*name`."""
        labels: dict[Path, str] = {}
        for argument in arguments:
            pointer = "*" in argument.ctype
            labels[(argument.name,)] = f"*{argument.name}" if pointer else argument.name
            if pointer:
                self._tags[argument.name] = tag_of(argument.ctype)
        types = {argument.name: argument.ctype for argument in arguments}
        self._walk(
            Frame(name, file, self._body(file, start, end), start, labels, {}, types, conditional=False, depth=0)
        )

    def tag(self, label: str) -> str:
        """The struct or union that a user pointer points to, as far as types tell it."""
        return self._tags.get(label.lstrip("*"), "")

    def _body(self, file: str, start: int, end: int) -> str:
        key = (file, start)
        kept: str | None = self._tree.bodies.get(key)
        if kept is None:
            kept = self._tree.bodies[key] = keep_first_branches(self._tree.sources.text(file)[start:end])
        return kept

    def _steps(self, frame: Frame) -> tuple[list[Branch], list[tuple[int, Branch | re.Match[str]]]]:
        key = (frame.file, frame.offset)
        kept: tuple[list[Branch], list[tuple[int, Branch | re.Match[str]]]] | None = self._tree.steps.get(key)
        if kept is None:
            branches = find_branches(frame.text)
            # A condition is judged after the calls in it.
            steps: list[tuple[int, Branch | re.Match[str]]] = [(branch.inner, branch) for branch in branches]
            steps += [(match.start(), match) for match in _EVENT.finditer(frame.text)]
            steps += [
                (match.start(), match) for match in _CALL.finditer(frame.text) if match.group(1) not in _NOT_CALLS
            ]
            steps.sort(key=lambda pair: pair[0])
            kept = self._tree.steps[key] = (branches, steps)
        return kept

    def _note(self, frame: Frame, kind: str, word: str, what: str, at: At) -> None:
        line = self._tree.sources.line(frame.file, frame.offset + at.position)
        conditional = at.conditional or frame.conditional
        self.events.append(
            Event(
                kind,
                word,
                collapse(what),
                at.error,
                conditional,
                frame.file,
                line,
                frame.name,
                len(self.events),
                local=at.conditional,
            )
        )

    def _walk(self, frame: Frame) -> str:
        """Go through a function; what it returns is labelled where that is plain."""
        self._frames += 1
        self._stack.append(frame.name if frame.depth else "")
        returned = ""
        branches, steps = self._steps(frame)
        for position, step in steps:
            state = reach(frame, step.start if isinstance(step, Branch) else position, branches)
            if state == "dead":
                continue
            conditional = state == "maybe"
            if isinstance(step, Branch):
                self._conditions.judge(frame, step, branches, conditional=conditional)
            elif step.re is _CALL:
                self._call(frame, step.group(1), step.end() - 1, conditional=conditional)
            elif step.group("back") is not None:
                returned = returned or label_of(frame.labels, step.group("back"))
                self._conditions.judge_return(frame, step.group("back"), position, conditional=conditional)
            elif step.group("set"):
                self._assign(frame, step.group("left"), step.end(), conditional=conditional)
            else:
                self._strip(frame, step.group("left"), step.group("kept"), At(position, "", conditional))
        self._stack.pop()
        return returned

    def _strip(self, frame: Frame, left: str, kept: str, at: At) -> None:
        word = word_of(frame.labels, left)
        if word:
            self._note(frame, "strip", word, self._conditions.inline(frame, kept), at)

    def _assign(self, frame: Frame, left: str, start: int, *, conditional: bool) -> None:
        path = path_of(left)
        if path is None:
            return
        right = frame.text[start : value_end(frame.text, start)].replace("->", ".").strip()
        if "{" in right:
            for field, value in _FIELD_SET.findall(right):
                self._set(frame, (*path, field), value.strip(), At(start, "", conditional))
            return
        self._set(frame, path, right, At(start, "", conditional))

    def _set(self, frame: Frame, path: Path, right: str, at: At) -> None:
        label = label_of(frame.labels, right)
        if label:
            frame.labels[path] = label
            return
        added = [word for part in split_top(right, "|") if (word := word_of(frame.labels, part))]
        if len(added) == 1 and "|" in right:  # the word with bits added is still what its checks are made of
            frame.labels[path] = added[0]
            return
        parts = [strip_outer(part) for part in split_top(right, "&")]
        if len(parts) == 2:
            words, masks = self._conditions.words_and_masks(frame, parts)
            if len(words) == 1 and len(masks) == 1:
                kind = "strip" if label_path(frame.labels, path) == words[0] else "narrow"
                self._note(frame, kind, words[0], self._conditions.inline(frame, masks[0]), at)
                return
        is_call = re.match(r"\w+\s*\(", right)
        if path in frame.labels and not at.conditional and frame.labels[path][0] != "@" and not is_call:
            del frame.labels[path]
        if len(path) == 1:
            frame.constants.pop(path[0], None)
            if is_constant(right) and not at.conditional:
                frame.constants[path[0]] = collapse(right)

    def _call(self, frame: Frame, name: str, opening: int, *, conditional: bool) -> None:
        close = find_close(frame.text, opening)
        if close < 0:
            return
        arguments = split_arguments(frame.text[opening + 1 : close])
        at = At(opening, "", conditional)
        if not self._call_copier(frame, name, arguments, at):
            self._call_function(frame, name, arguments, at)

    def _call_copier(self, frame: Frame, name: str, arguments: list[str], at: At) -> bool:
        """Note a call of a function that copies to or from user space; whether it is one."""
        places = _COPIERS.get(name) or _OUT_COPIERS.get(name)
        if places:
            if len(arguments) > max(places):
                self._copy(frame, name, [arguments[place] for place in places], at)
            return True
        if name in _TAIL_CHECKS:
            if len(arguments) > _TAIL_CHECKS[name][1]:
                source = self._pointer(frame, arguments[0].partition("+")[0])
                size = self._size_word(frame, arguments[_TAIL_CHECKS[name][1]])
                if source:
                    self._note(frame, "tail", self.tag(source), name, at._replace(error=size))
            return True
        if name in _EFFECTS:
            self._note(frame, "effect", "", name, at)
            return True
        if name in ("get_user", "__get_user", "unsafe_get_user"):
            if len(arguments) > 1:
                self._fetch(frame, arguments, at)
            return True
        return False

    def _call_function(self, frame: Frame, name: str, arguments: list[str], at: At) -> None:  # noqa: C901
        """Go into a function that is called with something known, and bring back what it learned."""
        labels = [label_of(frame.labels, argument) or constant_label(argument) for argument in arguments]
        carried = [self._carried(frame, argument) for argument in arguments]
        if not any(label and label[0] != "=" for label in labels) and not any(carried):
            return
        found = self._tree.sources.find_function(name, frame.file)
        if found is None or name in self._stack or frame.depth >= DEPTH_LIMIT or self._frames >= FRAME_LIMIT:
            if found is not None or not name.startswith(_HARMLESS):
                for label in labels:
                    if label and label[0] not in "*@=":
                        self._note(frame, "unknown", label, name, at)
            return
        parameters = declare_arguments(found.function.parameters)
        callee = self._enter(frame, found, parameters, conditional=at.conditional)
        for parameter, argument, label, extra in zip(parameters, arguments, labels, carried, strict=False):
            self._hand_over(frame, callee, parameter, argument, label)
            callee.labels.update({(parameter.name, *rest): word for rest, word in extra})
        first = len(self.events)
        returned = self._walk(callee)
        self._settle_false(frame, first, at.position - len(name))
        for parameter, argument in zip(parameters, arguments, strict=False):
            if "*" in parameter.ctype:
                bring_back(frame, callee, parameter.name, argument)
        if returned and returned[0] != "=":
            target = _TARGET.search(frame.text[max(0, at.position - 160) : at.position - len(name)].rstrip(" "))
            path = path_of(target.group(1)) if target else None
            if path:
                frame.labels[path] = returned

    def _settle_false(self, frame: Frame, first: int, position: int) -> None:
        """What `return false` of a helper means, by how it was called: an error only below `if (!helper(x))`."""
        if not any(event.error == "false" for event in self.events[first:]):
            return
        before = frame.text[max(0, position - 400) : position].rstrip()
        meaning = ""
        if before.endswith("!"):
            branches = self._steps(frame)[0]
            inside = [branch for branch in branches if branch.start <= position < branch.inner]
            meaning = find_error(frame.text, inside[-1], branches) if inside else ""
        elif re.search(r"\breturn\b[^;{}]*$", before):
            meaning = "false"
        for index in range(first, len(self.events)):
            if self.events[index].error == "false":
                self.events[index] = self.events[index]._replace(error=meaning)

    def _hand_over(self, frame: Frame, callee: Frame, parameter: Argument, argument: str, label: str) -> None:
        """What a parameter is, from the argument that was given for it."""
        if label:
            callee.labels[(parameter.name,)] = label
            self._refine(label, parameter.ctype)
        elif is_constant(argument):
            callee.constants[parameter.name] = self._resolve_types(frame, argument)

    def _enter(self, frame: Frame, found: Found, parameters: tuple[Argument, ...], *, conditional: bool) -> Frame:
        function = found.function
        return Frame(
            function.name,
            found.file,
            self._body(found.file, function.body_start, function.body_end),
            function.body_start,
            {},
            {},
            {parameter.name: parameter.ctype for parameter in parameters},
            conditional=conditional or frame.conditional,
            depth=frame.depth + 1,
        )

    def _carried(self, frame: Frame, argument: str) -> list[tuple[Path, str]]:
        """The words that hang below an argument: for `&kargs`, those of kargs.flags."""
        path = path_of(argument)
        if path is None:
            return []
        width = len(path)
        return [
            (known[width:], label)
            for known, label in frame.labels.items()
            if len(known) > width and known[:width] == path
        ]

    def _copy(self, frame: Frame, name: str, places: list[str], at: At) -> None:
        kernel, user, size = places
        source = self._pointer(frame, user)
        path = path_of(kernel)
        tag = self.tag(source) if source else ""
        if not tag and path:
            tag = self._declared_tag(frame, path)
        if not source and "struct" not in name:
            return
        kind = "out" if name in _OUT_COPIERS else "copy"
        self._note(frame, kind, tag or source.lstrip("*"), name, at._replace(error=self._size_word(frame, size)))
        if kind == "copy" and path and tag:
            frame.labels[path] = f"@{tag}"

    def _fetch(self, frame: Frame, arguments: list[str], at: At) -> None:
        target = path_of(arguments[0])
        source = path_of(arguments[1])
        if target is None or source is None:
            return
        root = label_path(frame.labels, source[:1])
        if root.startswith("*"):
            word = f"{self.tag(root)}.{'.'.join(source[1:])}" if len(source) > 1 else root[1:]
            self._note(frame, "fetch", f"{word}!", ".".join(target), at)
            frame.labels[target] = f"{word}!"

    def _pointer(self, frame: Frame, expression: str) -> str:
        label = label_of(frame.labels, expression)
        return label if label.startswith("*") else ""

    def _size_word(self, frame: Frame, expression: str) -> str:
        return label_of(frame.labels, expression) or f"={collapse(expression)}"

    def _refine(self, label: str, ctype: str) -> None:
        tag = tag_of(ctype)
        if label.startswith("*") and tag and not self._tags.get(label[1:]):
            self._tags[label[1:]] = tag

    def _declared_tag(self, frame: Frame, path: Path) -> str:
        if len(path) == 1:
            if tag_of(frame.types.get(path[0], "")):
                return tag_of(frame.types[path[0]])
            match = re.search(rf"\b(?:struct|union)\s+(\w+)\s+\*?{re.escape(path[0])}\b", frame.text)
            return match.group(1) if match else ""
        return ""

    def _resolve_types(self, frame: Frame, argument: str) -> str:
        """A constant argument with typeof(x) written as x's type."""
        return re.sub(
            r"\btypeof\s*\(\s*(\w+)\s*\)",
            lambda match: f"struct {self._declared_tag(frame, (match.group(1),))}",
            argument,
        )

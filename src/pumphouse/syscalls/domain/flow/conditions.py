# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a condition that ends in an error says about words: refused bits, must be zero, values, ranges."""

from __future__ import annotations

import re
from collections.abc import Callable

from pumphouse.syscalls.domain.flow.records import At, Frame, word_of
from pumphouse.syscalls.domain.statements import (
    Branch,
    direct_text,
    find_error,
    split_comparison,
    split_top,
    strip_outer,
)
from pumphouse.syscalls.domain.tree.ctext import collapse

Note = Callable[[Frame, str, str, str, At], None]  # frame, kind, word, what, at

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_LOCAL = re.compile(r"(?<![\w.])[a-z]\w*\b(?!\s*\()")


class Conditions:
    """Judges the conditions of frames and notes what they say."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def judge(self, frame: Frame, branch: Branch, branches: list[Branch], *, conditional: bool) -> None:
        """Note what an `if` or `switch` refuses."""
        if branch.kind == "switch":
            self._judge_switch(frame, branch, conditional=conditional)
            return
        error = find_error(frame.text, branch, branches)
        if not error:
            self._judge_pass(frame, branch, branches, At(branch.start, "", conditional))
            return
        at = At(branch.start, error, conditional)
        condition = branch.condition.replace("->", ".")
        word = word_of(frame.labels, condition)
        if word:
            cases = _cases_inside(frame, word, branch, branches)
            if cases:
                self._note(frame, "enum", word, " ".join(["0", *cases]), at)
                return
        self._judge_condition(frame, condition, at)

    def _judge_pass(self, frame: Frame, branch: Branch, branches: list[Branch], at: At) -> None:
        """`if (flags & A) return do_a(flags);`: what refuses afterwards says nothing of A."""
        if not re.search(r"\breturn\b", direct_text(frame.text, branch, branches)):
            return
        parts = [strip_outer(part) for part in split_top(strip_outer(branch.condition.replace("->", ".")), "&")]
        words, masks = self.words_and_masks(frame, parts)
        if len(words) == 1 and len(masks) == 1:
            self._note(frame, "pass", words[0], self.inline(frame, masks[0]), at)

    def judge_return(self, frame: Frame, text: str, position: int, *, conditional: bool) -> None:
        """Note what `return !(flags & ~MASK);` of a helper refuses, or `return flags & ~MASK ? -EINVAL : 0;`."""
        text = strip_outer(text.replace("->", "."))
        at = At(position, "false", conditional)
        for part in split_top(text, "&&"):
            inner = strip_outer(part)
            if inner.startswith("!") and "&" in inner:
                self._judge_atom(frame, strip_outer(inner[1:]), at)
            else:
                compared = split_comparison(inner)
                if compared and compared[1] == "==" and compared[2] == "0":
                    self._judge_atom(frame, strip_outer(compared[0]), at)
        condition, question, rest = text.partition("?")
        error = re.match(r"\s*-\s*(E[A-Z0-9]+)\s*:", rest) if question else None
        if error:
            self._judge_condition(frame, condition, at._replace(error=error.group(1)))

    def words_and_masks(self, frame: Frame, parts: list[str]) -> tuple[list[str], list[str]]:
        """The operands of an `&` that are words, and those that are not."""
        words: list[str] = []
        masks: list[str] = []
        for part in parts:
            found = _words(frame, part)
            if found:
                words += found
            else:
                masks.append(part)
        return words, masks

    def inline(self, frame: Frame, text: str) -> str:
        """An expression with the frame's local constants written out."""
        return _LOCAL.sub(
            lambda match: f"({frame.constants[match.group()]})" if match.group() in frame.constants else match.group(),
            text,
        )

    def _judge_switch(self, frame: Frame, branch: Branch, *, conditional: bool) -> None:
        word = word_of(frame.labels, branch.condition.replace("->", "."))
        if not word:
            return
        guarded = frame.text[branch.inner : branch.end]
        default = re.search(r"\bdefault\s*:([^}]*)", guarded)
        error = re.search(r"-\s*(E[A-Z0-9]+)", default.group(1)) if default else None
        if error:
            cases = " ".join(re.findall(r"\bcase\s+([^:]+?)\s*:", guarded))
            self._note(frame, "enum", word, cases, At(branch.start, error.group(1), conditional))

    def _judge_condition(self, frame: Frame, text: str, at: At) -> None:
        text = strip_outer(text)
        parts = split_top(text, "||")
        if len(parts) > 1:
            for part in parts:
                self._judge_condition(frame, part, at)
            return
        parts = split_top(text, "&&")
        if len(parts) > 1:
            self._judge_all(frame, [strip_outer(part) for part in parts], at)
            return
        self._judge_atom(frame, text, at)

    def _judge_all(self, frame: Frame, parts: list[str], at: At) -> None:
        """A condition of which all parts must hold: `x != A && x != B` lists values, others hold sometimes."""
        values: dict[str, list[str]] = {}
        for part in parts:
            compared = split_comparison(part)
            if compared and compared[1] == "!=":
                for side, other in ((compared[0], compared[2]), (compared[2], compared[0])):
                    word = word_of(frame.labels, side)
                    if word:
                        values.setdefault(word, []).append(other)
        if len(values) == 1 and sum(map(len, values.values())) == len(parts):
            word, cases = next(iter(values.items()))
            self._note(frame, "enum", word, " ".join(cases), at)
            return
        plain = [part for part in parts if word_of(frame.labels, part)]
        rest = [part for part in parts if part not in plain]
        if len(plain) == 1 and len(rest) == 1 and re.search(rf"\b{re.escape(plain[0].split('.')[-1])}\b", rest[0]):
            # `flags && (flags & ~MASK)` says no less than its second half.
            self._judge_atom(frame, rest[0], at)
            return
        for part in parts:
            self._judge_condition(frame, part, at.sometimes())

    def _judge_atom(self, frame: Frame, text: str, at: At) -> None:
        compared = split_comparison(text)
        if compared:
            left, operator, right = strip_outer(compared[0]), compared[1], strip_outer(compared[2])
            if not (
                self._judge_word_comparison(frame, left, operator, right, at)
                or self._judge_word_comparison(frame, right, _FLIPPED.get(operator, operator), left, at)
            ):
                self._judge_mask_comparison(frame, left, operator, right, at)
            return
        parts = [strip_outer(part) for part in split_top(text, "&")]
        if len(parts) > 1:
            words, masks = self.words_and_masks(frame, parts)
            refused = " & ".join(f"({self.inline(frame, mask)})" for mask in masks)
            for word in words if masks else ():
                self._note(frame, "mask", word, refused, at)
            return
        for word in _words(frame, text):
            self._note(frame, "zero", word, "", at)

    def _judge_word_comparison(self, frame: Frame, side: str, operator: str, other: str, at: At) -> bool:
        word = word_of(frame.labels, side)
        if not word:
            return False
        if operator == "!=":
            inner = self._mask_against(frame, other, side)
            if inner is not None:
                self._note(frame, "mask", word, f"~({inner})", at)
            elif other in ("0", "NULL"):
                self._note(frame, "zero", word, "", at)
            else:
                self._note(frame, "enum", word, other, at)
        elif operator != "==":
            self._note(frame, "range", word, f"{operator} {self.inline(frame, other)}", at)
        return True

    def _judge_mask_comparison(self, frame: Frame, left: str, operator: str, right: str, at: At) -> None:
        if operator != "!=":
            return
        for side, other in ((left, right), (right, left)):
            parts = split_top(side, "|")  # a word with a mask's bits added must be the mask
            words = [word for part in parts if (word := word_of(frame.labels, part))]
            if len(parts) == 2 and len(words) == 1 and collapse(other) in [collapse(part) for part in parts]:
                self._note(frame, "mask", words[0], f"~({self.inline(frame, other)})", at)
                return
        # (x & A) != (x & ~B): the bits in which A and ~B differ are refused
        sides = [
            self.words_and_masks(frame, [strip_outer(part) for part in split_top(side, "&")]) for side in (left, right)
        ]
        if all(len(words) == 1 and len(masks) == 1 for words, masks in sides) and sides[0][0] == sides[1][0]:
            first, second = (self.inline(frame, masks[0]) for _, masks in sides)
            self._note(frame, "mask", sides[0][0][0], f"({first}) ^ ({second})", at)
            return
        if right == "0" and len(split_top(left, "&")) > 1:
            self._judge_atom(frame, left, at)

    def _mask_against(self, frame: Frame, text: str, word: str) -> str | None:
        """M of `(x & M)`, seen from `x != (x & M)`."""
        parts = [strip_outer(part) for part in split_top(text, "&")]
        if len(parts) == 2 and word in parts:
            parts.remove(word)
            return self.inline(frame, parts[0])
        return None


def _words(frame: Frame, text: str) -> list[str]:
    """The words of `x` or of `a | b`; empty where the expression holds anything else."""
    found = []
    for part in split_top(strip_outer(text), "|"):
        word = word_of(frame.labels, part)
        if not word:
            return []
        found.append(word)
    return found


def _cases_inside(frame: Frame, word: str, branch: Branch, branches: list[Branch]) -> list[str]:
    """The values that `if (x) { if (x == A) return ...; return -EINVAL; }` lets pass."""
    cases = []
    for inner in branches:
        if branch.inner <= inner.start < branch.end and not find_error(frame.text, inner, branches):
            compared = split_comparison(strip_outer(inner.condition.replace("->", ".")))
            if compared and compared[1] == "==" and word_of(frame.labels, compared[0]) == word:
                cases.append(compared[2])
    return cases

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a plan on a kernel and says what it told. The C header's interpreter does the same steps in the same order."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Protocol

from pumphouse.syscalls.domain.probe.plan import (
    NO_FD,
    OUT_BYTES,
    PAGE,
    REQUEST,
    REQUEST_BYTES,
    Ask,
    Assign,
    CallPlan,
    Kind,
    Number,
    Read,
    SizeHow,
    Where,
    WordPlan,
)
from pumphouse.syscalls.domain.probe.report import (
    CallReport,
    Companion,
    FactReport,
    Presence,
    State,
    WordReport,
)

CLOSE = Number(x86_64=3, generic=57)
ERRNO_NAMES = {**errno.errorcode, errno.EOPNOTSUPP: "EOPNOTSUPP"}
ENDED = "the child ended"
_MASK64 = (1 << 64) - 1


class Kernel(Protocol):
    """What the engine needs of a kernel: memory of the process, and one way to call it."""

    machine: str
    release: tuple[int, int]
    filtered: bool  # a seccomp filter is on

    @property
    def request(self) -> bytearray | memoryview:
        """The request buffer, REQUEST_BYTES long."""

    @property
    def out(self) -> bytearray | memoryview:
        """The page that the kernel writes, OUT_BYTES long."""

    def address(self, kind: Kind) -> int:
        """Where a buffer stands, or the number of the process for SELF."""

    def call(self, number: int, arguments: Sequence[int]) -> int:
        """Make a system call; the result, or the negative errno."""

    def auxiliary(self, entry: int) -> int | None:
        """An entry of the auxiliary vector."""

    def lower_rights(self) -> None:
        """Take the effective capabilities away, where the process may."""

    def restore_rights(self) -> None:
        """Give them back."""


class Declared(Protocol):
    """The seam for sys_features(): what the kernel declares of a call, by word; None where it declares nothing."""

    def masks(self, call: str) -> Mapping[str, int] | None:
        """The mask of each word that the kernel describes."""


def run_plan(
    plan: CallPlan, kernel: Kernel, declared: Declared | None = None, *, presence_only: bool = False
) -> CallReport:
    """Ask a kernel everything that the plan asks of one call.

    `presence_only` is for a call whose other trials ended the process: its words are then unknown.
    """
    asking = _Asking(plan, kernel)
    if presence_only:
        return asking.run_carefully()
    return asking.run((declared.masks(plan.name) if declared else None) or {})


def errno_name(answer: int) -> str:
    """`EINVAL` for -22, `result` for what is not an error."""
    if answer >= 0:
        return "result"
    return ERRNO_NAMES.get(-answer, f"errno {-answer}")


class _Asking:
    def __init__(self, plan: CallPlan, kernel: Kernel) -> None:
        self.plan = plan
        self.kernel = kernel
        self.number = plan.number.on(kernel.machine)
        self.kept = 0
        self.size = plan.known
        self.dirty = REQUEST_BYTES  # another plan may have left something there
        self.laid_for: tuple[WordPlan | None, Sequence[Assign]] = (None, ())
        self.laid_out: tuple[list[int], bytearray] = ([], bytearray())

    def run(self, declared: Mapping[str, int]) -> CallReport:
        plan = self.plan
        answer = self.trial(plan.presence, plan.known)
        presence = self.judge_presence(answer)
        if presence is not Presence.PRESENT:
            return CallReport(name=plan.name, presence=presence, how=errno_name(answer))
        if plan.unprivileged:
            self.kernel.lower_rights()
        prepared = self.prepare()
        size, size_how = self.find_size()
        self.size = min(size or plan.first, plan.known)
        words = []
        for word in plan.words:
            if word.name in declared:
                words.append(self.take(word, declared[word.name], "sys_features"))
            else:
                words.append(self.ask_word(word, size))
        facts = [(fact, self.ask(fact.ask)) for fact in plan.facts]
        if prepared:
            self.kernel.call(CLOSE.on(self.kernel.machine), (self.kept, 0, 0, 0, 0, 0))
        if plan.unprivileged:
            self.kernel.restore_rights()
        return CallReport(
            name=plan.name,
            presence=presence,
            how=errno_name(answer),
            size=size,
            size_how=size_how,
            size_name=next((name for bytes_, name in plan.versions if bytes_ == size), ""),
            words=tuple(words),
            facts=tuple(
                FactReport(name=fact.name, value=value, how=fact.ask.source)
                for fact, value in facts
                if value is not None
            ),
        )

    def run_carefully(self) -> CallReport:
        plan = self.plan
        answer = self.trial(plan.presence, plan.known)
        presence = self.judge_presence(answer)
        if presence is not Presence.PRESENT:
            return CallReport(name=plan.name, presence=presence, how=errno_name(answer))
        return CallReport(
            name=plan.name,
            presence=presence,
            how=errno_name(answer),
            size_how="" if plan.size.how is SizeHow.NONE else f"not decided: {ENDED}",
            words=tuple(_not_answered(word, State.UNKNOWN, ENDED) for word in plan.words),
        )

    def judge_presence(self, answer: int) -> Presence:
        """Tell missing from refused.

        The trial has an argument that every kernel refuses before it looks at rights, so EPERM comes from a filter;
        where the call has no such argument, `presence_rights` says so. ENOSYS under a filter proves nothing, but a
        release that has the call, in every configuration, does not say it by itself.
        """
        plan, kernel = self.plan, self.kernel
        if answer == -errno.ENOSYS:
            if not kernel.filtered:
                return Presence.MISSING
            if plan.optional or kernel.release < plan.since:
                return Presence.UNDECIDED
            return Presence.SECCOMP
        if -answer in plan.presence_rights:
            return Presence.UNDECIDED if kernel.filtered else Presence.RIGHTS
        if answer in (-errno.EPERM, -errno.EACCES):
            return Presence.SECCOMP if kernel.filtered else Presence.UNDECIDED
        return Presence.PRESENT

    def prepare(self) -> bool:
        """Make the preparing call; True where its result is to be closed."""
        if self.plan.prepare is None:
            return False
        value = self.ask(self.plan.prepare)
        self.kept = NO_FD if value is None else value
        return value is not None and self.plan.prepare_closes

    def find_size(self) -> tuple[int, str]:
        plan = self.plan
        how = plan.size.how
        if how is SizeHow.FIXED:
            return plan.known, "fixed"
        if how is SizeHow.WRITTEN_BACK:
            answer = self.trial(plan.size.sets, PAGE, tail=True)
            size = self.read(plan.size.read, answer)
            if answer == -errno.E2BIG and plan.first <= size < PAGE:
                return size, "written back with E2BIG"
            return 0, f"not decided: {errno_name(answer)}"
        if how is SizeHow.BISECT:
            return self.bisect()
        return 0, ""

    def bisect(self) -> tuple[int, str]:
        """The largest size at which a last byte that is not zero is still known to the kernel."""
        plan = self.plan
        low, high = plan.first, PAGE
        at_low = self.trial(plan.size.sets, low, tail=True)
        at_high = self.trial(plan.size.sets, high, tail=True)
        if at_low == -errno.E2BIG or at_high != -errno.E2BIG or -at_low in plan.size.rights:
            return 0, f"not decided: {errno_name(at_low)} at {low}, {errno_name(at_high)} at {high}"
        while high - low > plan.size.step:
            middle = low + (high - low) // (2 * plan.size.step) * plan.size.step
            if self.trial(plan.size.sets, middle, tail=True) == -errno.E2BIG:
                high = middle
            else:
                low = middle
        return low, "E2BIG beyond it"

    def ask_word(self, word: WordPlan, size: int) -> WordReport:
        for ask in word.asks:
            value = self.ask(ask)
            if value:  # a kernel that does not know the question leaves zeros
                return self.take(word, value, ask.source, partial=ask.partial)
        if word.target is None:
            return _not_answered(word, State.UNKNOWN, "no answer")
        if word.end > (size or self.plan.first):
            return _not_answered(word, State.ABSENT if size else State.UNKNOWN, "the size")
        if word.values:
            return self.enumerate(word)
        good, bad = self.flag(word, word.good), self.flag(word, word.bad)
        how = f"{errno_name(good)} against {errno_name(bad)}"
        if not _in(good, word.accepted) or not _in(bad, word.refused):
            return _not_answered(word, State.UNKNOWN, how)
        return self.sweep(word, how)

    def sweep(self, word: WordPlan, how: str) -> WordReport:
        """Try every bit alone, then what was refused with its companions, then with each valid bit."""
        valid, refused, undecided = 0, 0, 0
        for i in range(word.bits):
            bit = 1 << i
            if word.skip & bit:
                continue
            answer = self.flag(word, bit)
            if _in(answer, word.accepted):
                valid |= bit
            elif _in(answer, word.refused):
                refused |= bit
            else:
                undecided |= bit
        together = []
        for i in range(word.bits):
            bit = 1 << i
            if not refused & bit:
                continue
            needs = self.find_companions(word, bit, valid)
            if needs is not None:
                together.append(Companion(bit=bit, needs=needs))
            elif word.undecided & bit:
                undecided |= bit
        return WordReport(
            name=word.name,
            state=State.ANSWERED,
            how=how,
            valid=valid,
            valid_with=tuple(together),
            undecided=undecided,
            names=word.names,
        )

    def find_companions(self, word: WordPlan, bit: int, valid: int) -> tuple[str, ...] | None:
        for one in word.companions:
            if one.bits & bit and _in(self.flag(word, bit | one.value, one.sets, bare=True), word.accepted):
                return one.needs
        if word.pairs:
            for i in range(word.bits):
                if valid >> i & 1 and _in(self.flag(word, bit | 1 << i), word.accepted):
                    return (dict(word.names).get(1 << i, hex(1 << i)),)
        return None

    def enumerate(self, word: WordPlan) -> WordReport:
        """Which of the recipe's values are accepted: the controls are values too."""
        good, bad = self.flag(word, word.good, bare=True), self.flag(word, word.bad, bare=True)
        how = f"{errno_name(good)} against {errno_name(bad)}"
        if not _in(good, word.accepted) or not _in(bad, word.refused):
            return _not_answered(word, State.UNKNOWN, how)
        valid, undecided = 0, 0
        for i, value in enumerate(word.values):
            answer = self.flag(word, value, bare=True)
            if _in(answer, word.accepted):
                valid |= 1 << i
            elif not _in(answer, word.refused):
                undecided |= 1 << i
        return WordReport(
            name=word.name,
            state=State.ANSWERED,
            how=how,
            valid=valid,
            undecided=undecided,
            names=word.names,
            enumeration=True,
        )

    def take(self, word: WordPlan, mask: int, source: str, *, partial: bool = False) -> WordReport:
        """A mask that the kernel told itself."""
        full = (1 << word.bits) - 1
        return WordReport(
            name=word.name,
            state=State.ANSWERED,
            how=source,
            valid=mask & full,
            undecided=~mask & full if partial else 0,
            names=word.names,
            enumeration=bool(word.values),
        )

    def flag(self, word: WordPlan, value: int, sets: Sequence[Assign] = (), *, bare: bool = False) -> int:
        """Try a value of a word; what succeeds is closed at once.

        Many trials differ in the value alone: what they share is laid out once.
        """
        target = word.target
        if target is None:  # the caller looked
            return -errno.ENOSYS
        if self.laid_for[0] is not word or self.laid_for[1] is not sets:
            self.laid_for = (word, sets)
            self.laid_out = self.lay_out((*self.plan.base, *word.sets, *sets), self.size, target)
        arguments, image = self.laid_out
        number = value if bare else value | target.number
        request = self.kernel.request
        request[: self.dirty] = bytes(self.dirty)
        request[: len(image)] = image
        self.dirty = len(image)
        if target.slot < REQUEST:
            arguments[target.slot] = number & _MASK64
        else:
            end = target.offset + target.width
            request[target.offset : end] = (number & ((1 << 8 * target.width) - 1)).to_bytes(target.width, "little")
        answer = self.kernel.call(self.number, arguments)
        if answer >= 0 and word.closes:
            self.kernel.call(CLOSE.on(self.kernel.machine), (answer, 0, 0, 0, 0, 0))
        return answer

    def ask(self, ask: Ask) -> int | None:
        """The answer to a question, or None where the kernel does not understand it."""
        if ask.read.where is Where.AUXV:
            return self.kernel.auxiliary(ask.read.offset)
        self.kernel.out[:] = bytes(OUT_BYTES)
        answer = self.make(ask.number.on(self.kernel.machine), ask.sets, self.size, tail=False)
        return None if answer < 0 else self.read(ask.read, answer)

    def read(self, read: Read, answer: int) -> int:
        if read.where is Where.RESULT:
            return answer
        buffer = self.kernel.request if read.where is Where.REQUEST else self.kernel.out
        return int.from_bytes(buffer[read.offset : read.offset + read.width], "little")

    def trial(self, sets: Sequence[Assign], size: int, *, tail: bool = False) -> int:
        return self.make(self.number, (*self.plan.base, *sets), size, tail=tail)

    def make(self, number: int, sets: Sequence[Assign], size: int, *, tail: bool) -> int:
        arguments, image = self.lay_out(sets, size)
        request = self.kernel.request
        request[: self.dirty] = bytes(self.dirty)
        request[: len(image)] = image
        self.dirty = len(image)
        if tail:
            request[size - 1] = 1
        return self.kernel.call(number, arguments)

    def lay_out(self, sets: Sequence[Assign], size: int, target: Assign | None = None) -> tuple[list[int], bytearray]:
        """The arguments and the bytes of the request, as the assignments give them; with room for the target."""
        arguments = [0] * 6
        image = bytearray(size)
        if target is not None and target.slot == REQUEST:
            image.extend(bytes(max(0, target.offset + target.width - size)))
        for one in sets:
            value = self.value(one, size)
            if one.slot < REQUEST:
                arguments[one.slot] = value & _MASK64
            else:
                end = one.offset + one.width
                image.extend(bytes(max(0, end - len(image))))
                image[one.offset : end] = (value & ((1 << 8 * one.width) - 1)).to_bytes(one.width, "little")
        return arguments, image

    def value(self, one: Assign, size: int) -> int:
        if one.kind is Kind.NUMBER:
            return one.number
        if one.kind is Kind.SIZE:
            return size
        return self.kept if one.kind is Kind.KEPT else self.kernel.address(one.kind)


def _in(answer: int, errnos: Sequence[int]) -> bool:
    return (0 if answer >= 0 else -answer) in errnos


def _not_answered(word: WordPlan, state: State, how: str) -> WordReport:
    return WordReport(name=word.name, state=state, how=how, enumeration=bool(word.values))

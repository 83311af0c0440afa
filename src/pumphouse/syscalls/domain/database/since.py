# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Answers to "since when": of a call, a struct's version, a word, a flag. The answer is a sentence, then evidence."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pumphouse.core.errors import ConflictError, NotFoundError
from pumphouse.syscalls.domain.database.backport import Backport
from pumphouse.syscalls.domain.database.call import Appearance, Call, Precision, Size, Word
from pumphouse.syscalls.domain.database.release import read_tag

CLOSE = 3  # names that are offered for one that is not known


class Answer(msgspec.Struct, kw_only=True, frozen=True):
    """The JSON of `pumphouse syscalls since NAME`. `kind` tells what was asked for: call, size, word or flag.

    `value` is a flag's, `bytes` a size's.

    `date` is that of the release; empty where the database has none. `precision` is "at latest" where the headers of
    the release before were not read and no document tells. `backports` are those of vendors who have it earlier.
    """

    name: str
    kind: str
    sentence: str
    call: str
    since: str
    date: str
    precision: Precision
    evidence: str
    word: str = ""
    value: int | None = None
    bytes: int | None = None
    note: str = ""
    parts: list[str] = []
    backports: list[str] = []


def find_answer(
    calls: Mapping[str, Call], dates: Mapping[str, str], backports: Sequence[Backport], question: str
) -> Answer:
    """The answer for "openat2", "openat2.RESOLVE_CACHED", "clone3.VER2", "clone_args.flags" or "RESOLVE_CACHED".

    Raises NotFoundError with the names that are close, ConflictError where several calls have it.
    """
    found = [answer for answer in _answers(calls, dates, backports) if question in _names(answer)]
    whole = [answer for answer in found if answer.name == question] or found
    if len({(answer.call, answer.since) for answer in whole}) == 1:
        return _of_all_words(whole)
    if whole:
        names = sorted({answer.name for answer in whole})
        raise ConflictError(
            f"{len(names)} calls have {question}",
            where=", ".join(sorted({answer.call for answer in whole})),
            next_step=f"name one: {', '.join(names)}",
        )
    known = sorted({name for answer in _answers(calls, dates, backports) for name in _names(answer)})
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(question.casefold(), folded, n=CLOSE, cutoff=0.6)
    raise NotFoundError(
        f"the database does not know {question!r}",
        where="syscalls since",
        why="it knows calls, struct versions, words, and flags",
        next_step=f"did you mean {' or '.join(folded[name] for name in close)}?"
        if close
        else "pumphouse syscalls database show lists what there is",
    )


def _of_all_words(answers: Sequence[Answer]) -> Answer:
    """One answer for a flag that several words of a call take since the same release."""
    first = answers[0]
    words = " and ".join(answer.word for answer in answers)
    sentence = first.sentence.replace(first.word, words, 1) if len(answers) > 1 else first.sentence
    return msgspec.structs.replace(first, word=words, sentence=sentence)


def has_it(since: str, release: str) -> bool:
    """Whether something that came with `since` is in `release`. Raises UserError where `release` is no version."""
    return read_tag(since).release == read_tag(release).release or read_tag(since) <= read_tag(release)


def precision_of(item: Appearance, call: Call, word: Word | None = None) -> Precision:
    """How sure a date is: what came with its call or its word came exactly then."""
    return "exact" if item.since in {call.since, word.since if word else ""} else item.precision


def evidence_of(item: Appearance, call: Call, word: Word | None = None) -> str:
    """What a date rests on, in words."""
    if item.document:
        return item.document
    parts = [f"in the headers of {item.seen}"] if item.seen else []
    if item.absent:
        parts.append(f"not in those of {item.absent}")
    if item.since == call.since:
        parts.append(f"{call.name} is from {call.since} ({call.evidence})")
    elif word and item.since == word.since:
        parts.append(f"the word is from {word.since}")
    return ", ".join(parts)


def short_macro(macro: str) -> str:
    """The version that a size's macro names: VER2 of CLONE_ARGS_SIZE_VER2."""
    return macro.rpartition("_")[2] if "_SIZE_VER" in macro else macro


def _names(answer: Answer) -> set[str]:
    names = {answer.name}
    if answer.kind == "flag":
        names |= {answer.name.partition(".")[2], f"{answer.word}.{answer.name.partition('.')[2]}"}
    elif answer.kind == "word" and "." in answer.word:
        names |= {answer.word, f"{answer.call}.{answer.word.partition('.')[2]}"}
    elif answer.kind == "size":
        version = answer.name.partition(".")[2]
        names |= {answer.note, f"{answer.call}.{answer.bytes}", f"{answer.word}.{version}"} - {""}
    return names


def _answers(calls: Mapping[str, Call], dates: Mapping[str, str], backports: Sequence[Backport]) -> Iterator[Answer]:
    for call in calls.values():
        yield _call_answer(call, dates)
        for number, size in enumerate(call.struct.sizes if call.struct else []):
            yield _size_answer(call, size, number, dates, backports)
        for word in call.word:
            yield _word_answer(call, word, dates)
            for name in word.flags:
                yield _flag_answer(call, word, name, dates=dates, backports=backports)


def _dated(since: str, dates: Mapping[str, str], precision: Precision = "exact") -> str:
    date = f" ({dates[since]})" if since in dates else ""
    return f"since {since}{date}" + (" at the latest" if precision == "at latest" else "")


def _call_answer(call: Call, dates: Mapping[str, str]) -> Answer:
    parts = [
        f"{call.struct.tag}: {size.bytes} bytes {_dated(size.since, dates, precision_of(size, call))}"
        for size in (call.struct.sizes if call.struct else [])
        if call.struct
    ]
    for word in call.word:
        newest = max((flag.since for flag in word.flags.values()), key=read_tag, default="")
        said = f", the newest {_dated(newest, dates)}" if newest and newest != call.since else ""
        parts.append(f"{word.id}: {count(len(word.flags), 'flag')}{said}" + (f" ({word.note})" if word.note else ""))
    return Answer(
        name=call.name,
        kind="call",
        sentence=f"{call.name}: {_dated(call.since, dates)}.",
        call=call.name,
        since=call.since,
        date=dates.get(call.since, ""),
        precision="exact",
        evidence=call.evidence,
        note=call.note,
        parts=parts,
    )


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 flag", "3 flags"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _size_answer(
    call: Call, size: Size, number: int, dates: Mapping[str, str], backports: Sequence[Backport]
) -> Answer:
    precision = precision_of(size, call)
    tag = call.struct.tag if call.struct else ""
    version = short_macro(size.macro) or f"VER{number}"
    named = f", {size.macro}" if size.macro else ", no macro names it"
    return Answer(
        name=f"{call.name}.{version}",
        kind="size",
        sentence=f"{version} of {call.name} ({tag} of {size.bytes} bytes{named}): "
        f"{_dated(size.since, dates, precision)}.",
        call=call.name,
        word=tag,
        bytes=size.bytes,
        since=size.since,
        date=dates.get(size.since, ""),
        precision=precision,
        evidence=evidence_of(size, call),
        note=size.macro,
        backports=_backported(backports, call.name, str(size.bytes)),
    )


def _word_answer(call: Call, word: Word, dates: Mapping[str, str]) -> Answer:
    since = word.since or call.since
    ordered = sorted(word.flags.items(), key=lambda item: (item[1].value, item[0]))
    return Answer(
        name=word.id if "." in word.id else f"{call.name}.{word.id}",
        kind="word",
        sentence=f"{word.id} of {call.name}: {_dated(since, dates)}, {count(len(word.flags), 'flag')}.",
        call=call.name,
        word=word.id,
        since=since,
        date=dates.get(since, ""),
        precision="exact",
        evidence=call.evidence,
        note=word.note,
        parts=[
            f"{name} {flag.value:#x} {_dated(flag.since, dates, precision_of(flag, call, word))}"
            for name, flag in ordered
        ],
    )


def _flag_answer(
    call: Call, word: Word, name: str, *, dates: Mapping[str, str], backports: Sequence[Backport]
) -> Answer:
    flag = word.flags[name]
    precision = precision_of(flag, call, word)
    return Answer(
        name=f"{call.name}.{name}",
        kind="flag",
        sentence=f"{name} of {call.name} ({word.id}, {flag.value:#x}): {_dated(flag.since, dates, precision)}.",
        call=call.name,
        word=word.id,
        value=flag.value,
        since=flag.since,
        date=dates.get(flag.since, ""),
        precision=precision,
        evidence=evidence_of(flag, call, word),
        note=word.note,
        backports=_backported(backports, call.name, name),
    )


def _backported(backports: Sequence[Backport], call: str, name: str) -> list[str]:
    return [
        f"{item.vendor} {item.version} (based on {item.base}), seen {item.seen}: {item.evidence}"
        for item in backports
        if any((each.call, each.name) == (call, name) for each in item.difference)
    ]

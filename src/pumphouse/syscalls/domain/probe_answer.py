# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a probe of a kernel comes to: the sentence, and where the kernel and its mainline release differ."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pumphouse.syscalls.domain.database.call import Call
from pumphouse.syscalls.domain.database.matrix import list_facts
from pumphouse.syscalls.domain.database.probed import PRESENT, Probed, find_differences
from pumphouse.syscalls.domain.database.release import read_tag
from pumphouse.syscalls.domain.database.since import count


class ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer first: `sentence`; `beyond` and `without` name what the kernel has more and less than mainline."""

    sentence: str
    verdict: str
    base: str
    present: int
    asked: int
    words: int
    beyond: list[str]
    without: list[str]


def answer_probe(probed: Probed, calls: Mapping[str, Call]) -> ProbeAnswer:
    """What a probe says, held against the mainline release that the kernel is based on."""
    base = read_tag(probed.release).release
    present = [call for call in probed.calls if call.presence == PRESENT]
    words = sum(word.state == "answered" for call in present for word in call.words)
    beyond = [f"{item.call}.{item.name}" for item in find_differences(calls, probed)]
    asked = {call.name for call in probed.calls}
    without = [
        f"{fact.call}.{fact.name}" if fact.kind != "call" else fact.call
        for fact in list_facts({name: call for name, call in calls.items() if name in asked}, {}, [], probed)
        if fact.mark == "mainline only"
    ]
    parts = [f"{count(len(beyond), 'thing')} beyond it"] if beyond else []
    parts += [f"{count(len(without), 'thing')} of it missing"] if without else []
    verdict = "differs" if parts else "as mainline"
    return ProbeAnswer(
        sentence=f"{probed.release} has {len(present)} of the {count(len(probed.calls), 'call')} that were asked, "
        f"{count(words, 'flag word')} answered: "
        + (f"{' and '.join(parts).replace('it', f'mainline {base}', 1)}." if parts else f"as mainline {base}."),
        verdict=verdict,
        base=base,
        present=len(present),
        asked=len(probed.calls),
        words=words,
        beyond=beyond,
        without=without,
    )

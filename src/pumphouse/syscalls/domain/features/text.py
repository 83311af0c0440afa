# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a kernel declares, in words for a terminal and in the shape of --json."""

from __future__ import annotations

import textwrap
from typing import Any

from pumphouse.syscalls.domain.features.answer import Answer, Kind, Record
from pumphouse.syscalls.domain.features.catalogue import Described

WIDTH = 78


def describe_answer(call: Described, answer: Answer) -> dict[str, Any]:
    """The JSON of one call. Masks are numbers and hexadecimal text; `unnamed` are bits without a name here."""
    return {
        "call": call.name,
        "number": answer.number,
        "state": "off" if answer.off else "described",
        "sizes": list(answer.sizes),
        "words": [_describe_word(call, record) for record in answer.words],
        "unknown_records": answer.unknown,
        "complete": answer.complete,
    }


def _describe_word(call: Described, record: Record) -> dict[str, Any]:
    word = next((word for word in call.word if word.describes(record)), None)
    names, unnamed = word.names(record.value) if word else ([], record.value)
    kind = Kind(record.kind).name.lower()
    return {
        "id": word.id if word else f"argument {record.arg}, offset {record.offset}",
        "kind": kind,
        "arg": record.arg,
        "offset": record.offset,
        "width": record.width,
        "mask": record.value,
        "mask_hex": f"{record.value:#x}",
        "flags": names,
        "unnamed": f"{unnamed:#x}",
    }


def write_call(described: dict[str, Any]) -> list[str]:
    """The lines of one call, at most 78 columns."""
    sizes = described["sizes"]
    head = described["call"]
    if sizes:
        older = f", {len(sizes)} versions from {sizes[0]}" if len(sizes) > 1 else ""
        head += f": struct of {sizes[-1]} bytes{older}"
    if described["state"] == "off":
        head += "; switched off"
    lines = [head]
    for word in described["words"]:
        verb = "knows" if word["kind"] == "known" else "accepts"
        lines.append(f"  {word['id']} {verb} {word['mask_hex']}")
        rest = [f"and {word['unnamed']}"] if word["unnamed"] != "0x0" and word["flags"] else []
        text = " ".join([*word["flags"], *rest])
        lines += textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
    if described["unknown_records"]:
        lines.append(f"  and {described['unknown_records']} facts of a kind newer than this reader")
    return lines

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run `syscalls.probe`: asks the kernel of this machine, and holds the answers beside the database.

Its result is the JSON of `pumphouse syscalls probe --json`, which is kept as probe.json too.
"""

from __future__ import annotations

import msgspec

from pumphouse.core.jobs.context import RunContext
from pumphouse.core.jobs.job import Job, Jobs, Outcome, decode_params
from pumphouse.core.jobs.records import Measurement
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.database.probed import read_probed
from pumphouse.syscalls.domain.probe_answer import answer_probe
from pumphouse.syscalls.kinds import GUESS_S, PROBE, ProbeRequest
from pumphouse.syscalls.probe import probe


def jobs() -> Jobs:
    """The kinds of run of this part."""
    return {PROBE: Job(kind=PROBE, perform=perform_probe, guess_s=GUESS_S)}


async def perform_probe(context: RunContext) -> Outcome:
    """Probe anew, past the cache. Raises UserError for a call without a recipe."""
    request = decode_params(
        context.params, ProbeRequest, kind=PROBE, work="probe", next_step="it takes names, a list of calls"
    )
    context.advance(0.0, "asks the kernel")
    # In this thread: it takes a fifth of a second, and its children are forked where nothing else runs.
    data = probe(request.names or None, cache=False).to_data()
    content = msgspec.json.format(msgspec.json.encode(data), indent=2)
    await context.artifact("probe.json", content, media_type="application/json")
    probed = read_probed(content, where="the probe's own answers")
    answer = answer_probe(probed, shipped_database().calls)
    for call in probed.calls:
        context.log(f"{call.name}: {call.presence} ({call.how})" + (f", {call.size} bytes" if call.size else ""))
    await context.measure(
        Measurement(name="time to probe", value=probed.elapsed_ms, unit="ms", labels={"calls": str(answer.asked)}),
        Measurement(name="flag words answered", value=float(answer.words), unit="words", labels={}),
    )
    return Outcome(
        summary=answer.sentence, verdict=answer.verdict, is_no=bool(answer.beyond or answer.without), result=data
    )

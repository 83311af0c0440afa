# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a part declares for a kind of run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pumphouse.core.jobs.context import RunContext


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a job returns: the sentence that answers, a verdict word, the full result in the shape of its kind.

    `is_no` tells that the answer is "no" or "worse", for which the command line exits with 1.
    """

    summary: str
    verdict: str = "done"
    is_no: bool = False
    result: Any = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A kind of run. `perform` gets a RunContext whose `params` it decodes itself.

    `guess_s` is how long one takes on two cores, told while there is no history.
    """

    kind: str
    perform: Callable[[RunContext], Awaitable[Outcome]]
    guess_s: float | None = None


Jobs = dict[str, Job]

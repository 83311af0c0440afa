# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a part declares for a kind of run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pumphouse.core.errors import UserError

if TYPE_CHECKING:
    from pumphouse.core.jobs.context import RunContext

Shape = TypeVar("Shape", bound=msgspec.Struct)


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


def decode_params(params: Mapping[str, Any], shape: type[Shape], *, kind: str, work: str, next_step: str) -> Shape:
    """A run's parameters as the record of its kind; `work` is what the kind does, as a noun: "comparison".

    Raises UserError naming what is not understood.
    """
    try:
        return msgspec.convert(params, shape)
    except msgspec.ValidationError as error:
        raise UserError(
            f"the parameters of this {work} are not understood", where=kind, why=str(error), next_step=next_step
        ) from error

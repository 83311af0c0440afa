# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a part gives to the site: its pages, the body of its run pages, and the runs that people may start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from litestar.types import ControllerRouterHandler

from pumphouse.core.cards import CardFeed
from pumphouse.core.jobs.records import Run
from pumphouse.core.site import Site


@dataclass(frozen=True, kw_only=True)
class RunBody:
    """The evidence on the run page of one kind, in place of the generic one.

    `template` is included with what `load` returns as `body`, and with `run`. It stands below the answer.
    """

    template: str
    load: Callable[[Site, Run], Awaitable[Mapping[str, Any]]] | None = None


@dataclass(frozen=True, kw_only=True)
class Startable:
    """A kind of run that people and programs may start through the site.

    `name` is the verb and the thing, for a button: "Compare two kernels". `params` is a msgspec Struct; where all its
    fields have defaults, the button needs no form. `title` and `command` make the run's title and the shell command
    that does the same from decoded parameters. `guess_s` is told while there is no history.
    """

    kind: str
    name: str
    params: type[msgspec.Struct]
    title: Callable[[Any], str]
    command: Callable[[Any], str] | None = None
    guess_s: float | None = None

    @property
    def has_defaults(self) -> bool:
        """Whether it can be started without naming a parameter."""
        return all(not item.required for item in msgspec.structs.fields(self.params))


@dataclass(frozen=True, kw_only=True)
class PartPages:
    """The web side of a part.

    `path` is where its pages begin, for the navigation; empty for a part without pages of its own. `folder` holds
    `templates/NAME/` and `static/NAME/`; a static file has the address `static("NAME/file.js")` in templates. Every
    handler says who may call it: `opt={"role": "viewer"}`; a handler that does not is closed to everybody.
    """

    name: str
    title: str
    path: str = ""
    routes: Sequence[ControllerRouterHandler] = ()
    folder: Path | None = None
    run_bodies: Mapping[str, RunBody] = field(default_factory=dict)
    startables: Sequence[Startable] = ()
    cards: CardFeed | None = None

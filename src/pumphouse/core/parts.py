# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A part declares itself; the shell finds the declarations through the entry-point group `pumphouse.parts`.

Every value of a Part except its name and summary is an import string ("package.module:attribute"), so that listing
the parts imports nothing heavy. A third party adds a part by adding an entry point.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from pumphouse.core.errors import InfraError

GROUP = "pumphouse.parts"


@dataclass(frozen=True, kw_only=True)
class Part:
    """The declaration of a part. Only what exists is named: a part that is not built yet has neither cli nor routes."""

    name: str
    summary: str
    built: bool = True
    cli: str = ""  # a cyclopts.App
    routes: str = ""  # a function () -> pumphouse.core.web.part.PartPages
    jobs: str = ""  # a function () -> dict of run kind -> pumphouse.core.jobs.Job
    settings: str = ""  # a msgspec.Struct class: the table [NAME] of pumphouse.toml
    cards: str = ""  # an async function (Site) -> list[Card], for the home page and displays
    doctor: str = ""  # a function () -> list of pumphouse.core.doctor.Check
    first_runs: str = ""  # an async function (Site) -> None: queues what a new site computes first, once


def find_parts() -> list[Part]:
    """All installed parts, in the order of their names. Imports only their part.py."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return [entry.load() for entry in found]


def resolve(path: str) -> Any:
    """The object behind an import string such as "pumphouse.latency.cli:app".

    Raises InfraError where the module or the attribute does not exist: a part's declaration is wrong.
    """
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InfraError(
            f"the import string {path!r} leads nowhere",
            where="a part's part.py",
            why=str(error),
            next_step="reinstall the package that ships this part, or correct its part.py",
        ) from error

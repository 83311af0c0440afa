# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A table whose sorting, filter and page stand in the address.

Every link works without scripts; where all rows fit on one page, table.js does the same in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

PAGE_ROWS = 50

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: `value` gives what rows are sorted by and, for text, found by. `number` columns are right-aligned."""

    key: str
    title: str
    value: Callable[[Row], Any]
    number: bool = False


@dataclass(frozen=True)
class Heading:
    """A column's heading: where it leads, and how the rows are sorted by it now ("ascending", "descending", "")."""

    key: str
    title: str
    number: bool
    href: str
    sorted: str


@dataclass(frozen=True)
class TableView(Generic[Row]):
    """One page of a table, for the macros in table.html."""

    name: str
    headings: list[Heading]
    rows: list[Row]
    total: int
    found: int
    filter: str
    page: int
    pages: int
    hidden: list[tuple[str, str]]  # the other parameters of the address, for the filter's form
    older: str
    newer: str

    @property
    def is_asked_for(self) -> bool:
        """Whether the address asks for something of this table, so that it must not be folded away."""
        return bool(self.filter) or self.page > 1 or any(heading.sorted for heading in self.headings)


def view_table(
    name: str, columns: Sequence[Column[Row]], rows: Sequence[Row], query: Mapping[str, str]
) -> TableView[Row]:
    """The page of `rows` that the address asks for: NAME.sort=key or -key, NAME.find=text, NAME.page=2."""
    by_key = {column.key: column for column in columns}
    sort = query.get(f"{name}.sort", "")
    text = query.get(f"{name}.find", "").strip()
    chosen = [row for row in rows if _holds(row, columns, text)] if text else list(rows)
    column = by_key.get(sort.lstrip("-"))
    if column is not None:
        chosen = sort_rows(chosen, column, descending=sort.startswith("-"))
    pages = max(1, -(-len(chosen) // PAGE_ROWS))
    asked = query.get(f"{name}.page", "1")
    page = min(int(asked) if asked.isdecimal() and len(asked) < 7 else 1, pages) or 1
    link = _Links(name, query)
    return TableView(
        name=name,
        headings=[
            Heading(
                key=item.key,
                title=item.title,
                number=item.number,
                href=link.to(sort=f"-{item.key}" if sort == item.key else item.key),
                sorted={item.key: "ascending", f"-{item.key}": "descending"}.get(sort, ""),
            )
            for item in columns
        ],
        rows=chosen[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        total=len(rows),
        found=len(chosen),
        filter=text,
        page=page,
        pages=pages,
        hidden=[(key, value) for key, value in query.items() if key not in {f"{name}.find", f"{name}.page"}],
        older=link.to(page=str(page + 1)) if page < pages else "",
        newer=link.to(page=str(page - 1)) if page > 1 else "",
    )


def sort_rows(rows: Sequence[Row], column: Column[Row], *, descending: bool) -> list[Row]:
    """The rows by one column; those without a value last in both directions."""
    there = [row for row in rows if column.value(row) is not None]
    missing = [row for row in rows if column.value(row) is None]
    return sorted(there, key=column.value, reverse=descending) + missing


def _holds(row: Row, columns: Sequence[Column[Row]], text: str) -> bool:
    words = " ".join(str(column.value(row)) for column in columns).lower()
    return all(word in words for word in text.lower().split())


class _Links:
    def __init__(self, name: str, query: Mapping[str, str]) -> None:
        self.name = name
        self.query = dict(query)

    def to(self, **changes: str) -> str:
        """The address with changes; another sorting begins at the first page."""
        dropped = {f"{self.name}.page"} if "page" not in changes else set()
        kept = {key: value for key, value in self.query.items() if key not in dropped}
        kept |= {f"{self.name}.{key}": value for key, value in changes.items()}
        return f"?{urlencode(kept)}#{self.name}"

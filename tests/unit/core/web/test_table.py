# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.web.table import PAGE_ROWS, Column, view_table

pytestmark = pytest.mark.unit

COLUMNS = [Column("name", "Name", lambda row: row[0]), Column("size", "Size", lambda row: row[1], number=True)]
ROWS = [("b", 2), ("a", None), ("c", 1)]


def names(view):
    return "".join(row[0] for row in view.rows)


def view(rows=ROWS, **query):
    return view_table("files", COLUMNS, rows, {f"files.{key}": value for key, value in query.items()})


def test_without_a_wish_the_rows_stay_in_their_order():
    assert names(view()) == "bac"
    assert [heading.sorted for heading in view().headings] == ["", ""]


def test_rows_are_sorted_as_the_address_says_and_those_without_a_value_are_last_both_ways():
    assert names(view(sort="size")) == "cba"
    assert names(view(sort="-size")) == "bca"
    assert view(sort="-size").headings[1].sorted == "descending"


def test_a_heading_leads_to_the_other_direction_and_keeps_the_rest_of_the_address():
    shown = view_table("files", COLUMNS, ROWS, {"files.sort": "name", "log.find": "x", "files.page": "3"})
    assert shown.headings[0].href == "?files.sort=-name&log.find=x#files"
    assert shown.headings[1].href == "?files.sort=size&log.find=x#files"


def test_all_words_of_a_filter_must_be_in_a_row():
    assert names(view(find="B 2")) == "b"
    assert view(find="nothing").found == 0
    assert view(find="nothing").total == 3


def test_a_page_has_fifty_rows_and_a_page_that_is_not_there_is_the_last():
    rows = [(f"{number:03}", number) for number in range(120)]
    assert view(rows).pages == 3
    assert len(view(rows).rows) == PAGE_ROWS
    assert view(rows).newer == ""
    assert view(rows, page="3").rows[-1] == ("119", 119)
    assert view(rows, page="99").page == 3
    assert view(rows, page="0").page == 1
    assert view(rows, page="x").page == 1
    assert "files.page=3" in view(rows, page="2").older


def test_an_unknown_column_sorts_nothing():
    assert names(view(sort="colour")) == "bac"

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages of the conventions: complete, with examples, evidence and links that lead somewhere."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumphouse.core.errors import NotFoundError
from pumphouse.shell.cli import run_command
from pumphouse.syscalls.database import shipped_database
from pumphouse.syscalls.domain.rule_page import read_rule_page
from pumphouse.syscalls.rule_pages import conventions, find_rule, make_html, rule_pages

pytestmark = pytest.mark.unit

RULES = [f"R{number}" for number in range(1, 13)]


def section(page, name):
    return re.search(rf"^## {name}$(.*?)(?=^## |\Z)", page.markdown, re.MULTILINE | re.DOTALL)[1]


def test_there_is_a_page_for_each_rule_in_the_order_of_their_numbers():
    assert list(rule_pages()) == RULES


@pytest.mark.parametrize("name", RULES)
def test_a_page_shows_good_and_not_and_names_where_it_comes_from(name):
    page = find_rule(name)
    assert "```" in section(page, "Good")
    assert "```" in section(page, "Not")
    assert re.search(r"\b\d\.\d+\b", page.markdown), "no release is named"
    assert "- " in section(page, "Read more")
    assert 20 < len(page.summary) < 300
    assert all(len(line) <= 110 or "|" in line or "](" in line for line in page.markdown.splitlines())


@pytest.mark.parametrize("name", RULES)
def test_the_links_of_a_page_lead_to_rules_that_are_there_or_to_the_kernels_own_sites(name):
    for target in re.findall(r"\]\(([^)]+)\)", find_rule(name).markdown):
        if target.endswith(".md"):
            assert target.removesuffix(".md") in RULES
        else:
            assert re.match(r"https://(lore\.kernel\.org/|git\.kernel\.org/linus/[0-9a-f]{12}$)", target)


@pytest.mark.parametrize("name", RULES)
def test_the_calls_that_a_page_dates_are_dated_so_in_the_database(name):
    calls = shipped_database().calls
    for call, release in re.findall(r"`(\w+)` \((\d\.\d+)\)", find_rule(name).markdown):
        assert call not in calls or calls[call].since == release, (call, release)


def test_the_index_links_every_rule_once():
    assert re.findall(r"\]\((R\d+)\.md\)", conventions()) == RULES


@pytest.mark.parametrize("name", ["R1", "r1", "1", " R1 "])
def test_a_rule_is_found_by_its_number(name):
    assert find_rule(name).id == "R1"


@pytest.mark.parametrize("name", ["", "R0", "R13", "R1x", "flags"])
def test_a_rule_that_is_not_there_names_those_that_are(name):
    with pytest.raises(NotFoundError, match="there is no rule") as caught:
        find_rule(name)
    assert "R12" in caught.value.text.next_step


def test_the_command_lists_all_rules_and_shows_one(capsys):
    assert run_command(["syscalls", "rule"]) == 0
    listed = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", listed, re.MULTILINE) for name in RULES)
    assert max(map(len, listed.splitlines())) < 80
    assert run_command(["syscalls", "rule", "R5"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# R5 · ")
    assert "SPDX" not in shown
    assert run_command(["syscalls", "rule", "R5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "R5"
    assert run_command(["syscalls", "rule", "R99"]) == 2


def test_a_page_on_the_site_links_to_pages_of_the_site():
    html = make_html(conventions())
    assert '<a href="/syscalls/rules/R12">R12</a>' in html
    assert "<table>" in html
    assert ".md" not in re.sub(r"<code>.*?</code>", "", html)


@given(st.text())
def test_html_in_a_page_stands_as_text(text):
    html = make_html(f"<script>alert(1)</script>\n\n{text}")
    assert "<script" not in html


@pytest.mark.parametrize("text", ["", "# Rule one", "# R1 · Title\n\nText.\n\n## Why\n"])
def test_a_page_that_is_not_whole_is_refused(text):
    with pytest.raises(ValueError, match=r"begins with|has the sections"):
        read_rule_page(text)


def test_every_rule_of_the_lint_has_its_page():
    reason = "the lint is not part of this checkout; pumphouse.syscalls.domain.rules is missing"
    rules = pytest.importorskip("pumphouse.syscalls.domain.rules", reason=reason)
    assert [f"R{rule.number}" for rule in rules.RULES] == list(rule_pages())

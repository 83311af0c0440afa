# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The pages by keyboard alone."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FOCUSED = "(document.activeElement.innerText || document.activeElement.ariaLabel || '').trim().split('\\n')[0]"
HAS_OUTLINE = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"


def walk(page, steps):
    """What each press of Tab reaches; every stop must be visible as such."""
    stops = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        assert page.evaluate(HAS_OUTLINE), f"the focus cannot be seen on {stops[-1]!r}"
    return stops


def test_the_first_stop_leads_past_the_navigation(open_page):
    page = open_page("/runs")
    assert walk(page, 1) == ["Skip to the content"]
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert walk(page, 1) != ["Pumphouse"]


def test_the_order_of_the_focus_is_that_of_the_page(open_page):
    page = open_page("/")
    places = page.locator("nav[aria-label=Site] a").all_inner_texts()
    assert {"Runs", "Demo", "Latency", "API"} <= set(places)
    order = ["Skip to the content", "Pumphouse", *places, "Sign in"]
    assert walk(page, len(order)) == order


def test_a_run_is_cancelled_by_keyboard(open_page, served, boss):
    run = served.call(served.site.runs.create(kind="demo.count", title="to cancel", params={}, actor="test"))
    page = open_page(f"/runs/{run.id}", cookie=boss)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == f"Cancel run {run.id}":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Cancelled by boss before it started").wait_for()
    expect(page.get_by_role("button", name=f"Retry run {run.id}")).to_be_visible()


def test_what_scrolls_can_be_scrolled_by_keyboard(open_page, served):
    page = open_page(f"/runs/{served.filled.done}")
    for scrolled in page.locator(".log, .chart-data").all():
        assert scrolled.get_attribute("tabindex") == "0"
        assert scrolled.get_attribute("aria-label") or scrolled.get_attribute("aria-labelledby")


def test_a_chart_is_read_by_arrow_keys(open_page):
    page = open_page("/demo")
    page.wait_for_selector("canvas")
    page.locator(".chart-plot").focus()
    page.keyboard.press("End")
    assert "latency 10000 us" in page.locator(".chart-read").inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    words = page.locator(".chart-read").inner_text()
    assert "latency 1.15478" in words
    assert "6.1.0-51-rt 0" in words

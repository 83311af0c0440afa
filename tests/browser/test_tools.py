# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What the scripts add: sorting, finding, zooming, saving, copying, the choice of colours; and pages without them."""

import json
import re

import pytest
from playwright.sync_api import expect

from pumphouse.core.duration import format_duration
from pumphouse.core.web.times import format_age

pytestmark = pytest.mark.browser


def test_a_table_is_sorted_and_searched_in_place_and_the_address_shows_the_same(open_page, served):
    page = open_page(f"/runs/{served.filled.done}")
    page.get_by_text("All measurements").click()
    page.evaluate("window.stays = true")
    values = """[...document.querySelectorAll("#measurements tbody tr")]
        .filter((row) => !row.hidden).map((row) => row.cells[2].innerText)"""
    page.get_by_role("link", name="Value").click()
    page.get_by_role("link", name="Value").click()
    sorted_values = page.evaluate(values)
    assert sorted_values[0].replace("\u202f", " ") == "776 us"
    page.get_by_label("Find a measurement").fill("kernel rt")
    found = page.evaluate(values)
    assert len(found) == 5
    expect(page.get_by_text("5 of 10")).to_be_visible()
    assert page.evaluate("window.stays"), "nothing was loaded anew"
    page.reload()
    assert page.evaluate(values) == found
    assert page.locator("#measurements th[aria-sort=descending]").inner_text().startswith("Value")


def test_the_runs_are_filtered_without_losing_the_page(open_page):
    page = open_page("/runs")
    page.evaluate("window.stays = true")
    page.get_by_label("failed").check()
    expect(page.locator("tbody .state").filter(has_not_text="failed")).to_have_count(0)
    expect(page.locator("tbody .state").first).to_have_text("failed")
    assert page.url.endswith("/runs?state=failed&part=")
    assert page.evaluate("window.stays")
    assert page.get_by_label("failed").is_checked()


def zoom(page):
    box = page.locator(".u-over").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    page.mouse.up()


def test_a_chart_is_zoomed_its_link_shows_the_same_and_back_leads_out(open_page):
    page = open_page("/demo")
    page.wait_for_selector("canvas")
    whole = page.get_by_role("button", name="Whole range")
    assert whole.is_disabled()
    zoom(page)
    page.wait_for_url("**/demo?wakeup.range=*")
    low, high = map(float, page.url.rpartition("=")[2].split(".."))
    assert 10 < low < 20 < 200 < high < 300
    assert whole.is_enabled()
    page.reload()
    page.wait_for_selector("canvas")
    assert whole.is_enabled()
    page.go_back()
    page.wait_for_url("**/demo")
    page.wait_for_selector("canvas")
    zoom(page)
    page.locator(".chart-plot").focus()
    page.keyboard.press("Escape")
    assert whole.is_disabled()
    assert "range" not in page.url


def test_pointing_at_a_chart_reads_exact_values(open_page):
    page = open_page("/demo")
    page.wait_for_selector("canvas")
    box = page.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    assert page.locator(".chart-read").inner_text() == "latency 100 us: 6.1.0-51-rt 152, 6.1.0-51 40301"


def test_a_chart_is_saved_as_picture_and_as_data(open_page):
    page = open_page("/demo")
    page.wait_for_selector("canvas")
    saved = {}
    for name in ("PNG", "CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        saved[download.value.suggested_filename] = download.value.path().read_bytes()
    assert set(saved) == {"wakeup.png", "wakeup.csv", "wakeup.json"}
    assert saved["wakeup.png"].startswith(b"\x89PNG")
    lines = saved["wakeup.csv"].decode().splitlines()
    assert lines[0] == "latency (us),6.1.0-51-rt,6.1.0-51"
    assert lines[33] == "100,152,40301"
    assert json.loads(saved["wakeup.json"])["note"] == "virtual microseconds, emulated"


def test_the_choice_of_colours_is_kept_and_charts_follow(open_page):
    page = open_page("/demo")
    page.wait_for_selector("canvas")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Colours: dark").click()
    assert page.evaluate(ground) == light


def test_a_command_is_copied_with_one_press(open_page, served):
    page = open_page(f"/runs/{served.filled.done}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the command").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "pumphouse demo count --steps 3"
    page.get_by_role("button", name="copy the SHA-256 of report.html").click()
    expect(page.locator("button.identifier", has_text="Copied")).to_be_visible()
    assert re.fullmatch("[0-9a-f]{64}", page.evaluate("navigator.clipboard.readText()"))


def test_browser_and_server_say_the_same_about_times(open_page, served):
    page = open_page("/")
    version = served.app.state["web"].static_version
    seconds = [
        0,
        0.02,
        4,
        5,
        9.94,
        9.96,
        59.6,
        61,
        192,
        3599.7,
        7500,
        86400,
        172799,
        172801,
        86400 * 13.9,
        86400 * 15,
        -3,
        -90,
    ]
    now = 1_789_041_821.0
    told = page.evaluate(
        """async ([path, now, seconds]) => {
        const {formatAge, formatDuration} = await import(path);
        return seconds.map((s) => [formatAge(now - s, now), formatDuration(s)]);
        }""",
        [f"/static/{version}/time.js", now, seconds],
    )
    expected = [[format_age(now - item, now), format_duration(item)] for item in seconds]
    assert told == expected


def test_a_row_leads_as_a_whole_to_its_run(open_page, served):
    page = open_page("/runs")
    row = page.locator(f"#run-{served.filled.failed}")
    row.click()
    page.wait_for_url(f"**/runs/{served.filled.failed}")
    page.go_back()
    row.get_by_role("link", name="demo.fail_infra").click()
    page.wait_for_url("**/runs?kind=demo.fail_infra")


def test_pages_are_read_and_runs_cancelled_without_scripts(open_page, served, boss):
    run = served.call(served.site.runs.create(kind="demo.count", title="plain", params={}, actor="test"))
    page = open_page("/", java_script_enabled=False, cookie=boss)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_label("queued").check()
    page.get_by_role("button", name="Filter").click()
    page.locator(f"#run-{run.id} .row-link").click()
    assert not page.get_by_role("button", name="Copy the command").first.is_visible(), "what needs scripts is not shown"
    page.get_by_role("button", name=f"Cancel run {run.id}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancelled by boss before it started", ignore_case=True)
    page.goto(f"/runs/{served.filled.done}")
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("cell", name="40 300").first).to_be_visible()


def test_somebody_signs_in_sets_a_password_and_makes_a_token(open_page, served, boss):
    web = served.app.state["web"]
    account = served.call(web.accounts.add("carla", "operator", actor="boss"))
    path = served.call(web.links.create(account, minutes=5, actor="boss"))
    page = open_page(path)
    page.get_by_role("button", name="Sign in as carla").click()
    page.get_by_label("New password").fill("four words that differ")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The password is set")).to_be_visible()
    page.get_by_label("Name of the program").fill("ci")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator(".once code").first).to_have_text(re.compile("^pht_"))
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name", exact=True).fill("carla")
    page.get_by_label("Password").fill("four words that differ")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="carla")).to_be_visible()

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What changes on an open page, and what stays where it is."""

import pytest
from playwright.sync_api import expect
from tests.serving import serving

from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import LogLine
from pumphouse.core.jobs.state import State
from pumphouse.core.site import create_site

pytestmark = pytest.mark.browser


@pytest.fixture
def claimed(served):
    def make(title="live"):
        return served.call(
            served.site.runs.create_claimed(
                kind="demo.other", title=title, params={}, actor="test", owner=Owner.current(), lease_s=9e6
            )
        )

    return make


def renew(served, lease, **news):
    served.call(served.site.runs.renew(lease, lease_s=9e6, **news))


def wait_for_live(page):
    expect(page.locator("#live-status")).to_have_text("Live")


def test_progress_changes_in_place_and_nothing_jumps(open_page, served, claimed):
    lease = claimed()
    renew(served, lease, progress=0.25, progress_text="first")
    page = open_page(f"/runs/{lease.run_id}")
    wait_for_live(page)
    bar = page.locator("progress").element_handle()
    tops = "[...document.querySelectorAll('h1, h2, .log, .command')].map((e) => e.getBoundingClientRect().top)"
    before = page.evaluate(tops)
    renew(served, lease, progress=0.75, progress_text="second " * 30)
    expect(page.locator("progress")).to_have_js_property("value", 0.75)
    assert page.locator(".progress-text").inner_text().startswith("second second")
    assert page.locator("[data-field=percent]").inner_text().replace("\u202f", " ") == "75 %"
    assert "left" in page.locator("[data-field=left]").inner_text()
    assert page.evaluate(tops) == before
    assert bar.evaluate("(element) => element.isConnected"), "it is the same element, not a new one"
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_the_log_grows_at_its_end_and_stays_there(open_page, served, claimed):
    lease = claimed()
    page = open_page(f"/runs/{lease.run_id}")
    wait_for_live(page)
    lines = [LogLine(seq=n, at=0.0, level="info", text=f"line {n}") for n in range(1, 101)]
    renew(served, lease, log=lines)
    page.get_by_text("line 100", exact=True).wait_for()
    log = page.locator(".log")
    assert abs(log.evaluate("(box) => box.scrollTop")) < 5
    expect(page.locator(".log li").last).to_be_in_viewport()
    # Somebody who reads further up is not torn away.
    log.evaluate("(box) => { box.scrollTop = -500; }")
    first_visible = """(box) => [...box.querySelectorAll("li")]
        .find((item) => item.getBoundingClientRect().top >= box.getBoundingClientRect().top).textContent"""
    reading = log.evaluate(first_visible)
    renew(served, lease, log=[LogLine(seq=101, at=0.0, level="error", text="<b>line 101</b>")])
    page.get_by_text("<b>line 101</b>").wait_for(state="attached")
    assert log.evaluate(first_visible) == reading


def test_a_run_that_ends_shows_its_answer_without_a_reload(open_page, served, claimed, boss):
    lease = claimed("soon done")
    served.call(served.site.runs.begin_step(lease, "boot 1"))
    page = open_page(f"/runs/{lease.run_id}", cookie=boss)
    wait_for_live(page)
    page.evaluate("window.stays = true")
    page.get_by_text("About this run").scroll_into_view_if_needed()
    served.call(served.site.runs.end_step(lease, "boot 1", state="done"))
    page.locator("#steps").get_by_text("done").wait_for()
    served.call(served.site.runs.finish(lease, state=State.DONE, summary="it is better", verdict="better"))
    page.get_by_role("heading", name="It is better").wait_for()
    assert page.locator("#answer .state").inner_text() == "better"
    assert page.title().startswith(f"Run {lease.run_id}, better")
    assert not page.get_by_role("button", name="Cancel").is_visible()
    assert page.evaluate("window.stays")


def test_a_failed_run_shows_what_happened_and_the_last_lines(open_page, served, claimed):
    from pumphouse.core.errors import ErrorText

    lease = claimed("soon failed")
    page = open_page(f"/runs/{lease.run_id}")
    wait_for_live(page)
    renew(served, lease, log=[LogLine(seq=1, at=0.0, level="error", text="the last words")])
    error = ErrorText(what="the guest is gone", where="boot 1", next_step="look at the console", kind="infra")
    served.call(served.site.runs.finish(lease, state=State.FAILED, summary=error.what, error=error))
    page.get_by_role("heading", name="The guest is gone").wait_for()
    assert page.get_by_text("look at the console").is_visible()
    assert page.get_by_text("the last words").is_visible()


def test_rows_of_the_list_change_in_place_and_new_runs_wait_for_a_press(open_page, served, claimed):
    lease = claimed("in the list")
    page = open_page("/runs")
    wait_for_live(page)
    tops = "[...document.querySelectorAll('tbody tr')].map((row) => [row.id, row.getBoundingClientRect().top])"
    order = [row[0] for row in page.evaluate(tops)]
    newer = claimed("a new one")
    page.get_by_role("link", name="1 new run: show").wait_for()
    assert [row[0] for row in page.evaluate(tops)] == order
    served.call(served.site.runs.finish(lease, state=State.DONE, summary="it is done", verdict="done"))
    row = page.locator(f"#run-{lease.run_id}")
    row.get_by_text("it is done").wait_for()
    assert row.locator(".state").inner_text() == "done"
    assert [row[0] for row in page.evaluate(tops)] == order
    page.get_by_role("link", name="1 new run: show").click()
    page.locator(f"#run-{newer.run_id}").wait_for()
    served.call(served.site.runs.finish(newer, state=State.DONE, summary="", verdict="done"))


def test_the_home_page_follows_the_work(open_page, served, claimed):
    page = open_page("/")
    wait_for_live(page)
    lease = claimed("it begins while somebody watches")
    page.locator("#work").get_by_text("it begins while somebody watches").wait_for()
    renew(served, lease, progress=0.4, progress_text="forty")
    page.locator("#work").get_by_text("forty").wait_for()
    served.call(served.site.runs.finish(lease, state=State.DONE, summary="forty-two", verdict="done"))
    page.locator("#recent").get_by_text("forty-two").wait_for()


def test_a_change_is_marked_only_where_motion_is_welcome(open_page, served, claimed):
    for motion, name in (("no-preference", "changed"), ("reduce", "none")):
        lease = claimed(f"motion {motion}")
        page = open_page(f"/runs/{lease.run_id}", reduced_motion=motion)
        wait_for_live(page)
        served.call(served.site.runs.finish(lease, state=State.DONE, summary="done now", verdict="done"))
        page.wait_for_selector("#answer.changed")
        assert page.locator("#answer").evaluate("(e) => getComputedStyle(e).animationName") == name


def test_a_page_whose_site_is_gone_says_so_keeps_the_last_state_and_comes_back(open_page, tmp_path, demo_on_path):
    root = tmp_path / "site"
    create_site(root)
    with serving(root) as served:
        port = served.port
        lease = served.call(
            served.site.runs.create_claimed(
                kind="demo.other", title="cut off", params={}, actor="test", owner=Owner.current(), lease_s=9e6
            )
        )
        renew(served, lease, progress=0.5)
        page = open_page(f"/runs/{lease.run_id}", site=served)
        wait_for_live(page)
    page.wait_for_selector("#live-status[data-state=offline]")
    assert page.locator("#live-status").inner_text().startswith("Offline: the state of ")
    assert page.locator("progress").evaluate("(bar) => bar.value") == 0.5
    assert float(page.locator(".progress").evaluate("(e) => getComputedStyle(e).opacity")) < 1
    with serving(root, port=port) as served:
        renew(served, lease, progress=0.9)
        wait_for_live(page)
        expect(page.locator("progress")).to_have_js_property("value", 0.9)
    page.complaints.clear()  # the browser itself reports each connection that failed

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Each page in the light, in the dark and at 360 px: pictured, checked by axe, without sideways scrolling."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.browser.conftest import MODES, PICTURES

pytestmark = pytest.mark.browser

PAGES = {
    "home": "/",
    "runs": "/runs",
    "runs-none-found": "/runs?state=done&kind=nothing",
    "run-done": "/runs/{done}",
    "run-failed": "/runs/{failed}",
    "run-cancelled": "/runs/{cancelled}",
    "run-running": "/runs/{running.run_id}",
    "run-queued": "/runs/{queued}",
    "chart": "/demo",
    "syscalls": "/syscalls",
    "syscalls-run": "/runs/{probed}",
    "syscalls-matrix": "/syscalls/matrix",
    "syscalls-matrix-found": "/syscalls/matrix?matrix.find=landlock&matrix.sort=-since",
    "syscalls-call": "/syscalls/calls/landlock_create_ruleset",
    "syscalls-rules": "/syscalls/rules",
    "syscalls-rule": "/syscalls/rules/R4",
    "pgo": "/pgo",
    "pgo-run": "/runs/{tuned}",
    "api": "/api",
    "sign-in": "/sign-in",
    "account": "/account",
    "people": "/people",
    "audit": "/audit",
}
SIGNED_IN = {"account", "people", "audit", "run-failed", "run-running"}


def picture(page, name, mode):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{mode}.png", full_page=True)


def faults(page):
    """What axe finds serious or critical, with the element and the reason."""
    found = Axe().run(page).response["violations"]
    return [
        (item["id"], node["html"][:200], node["failureSummary"])
        for item in found
        if item["impact"] in {"serious", "critical"}
        for node in item["nodes"]
    ]


def sideways(page):
    """Elements that reach out of the window."""
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5)"""
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(open_page, served, boss, name, mode):
    path = PAGES[name].format(**vars(served.filled))
    page = open_page(path, mode=mode, cookie=boss if name in SIGNED_IN else "")
    if name in {"chart", "run-done"}:
        page.wait_for_selector("canvas")
    picture(page, name, mode)
    assert faults(page) == []
    assert sideways(page) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "path"), [("empty-home", "/"), ("empty-runs", "/runs")])
def test_an_empty_page_tells_what_brings_the_first_result(open_page, empty, name, path, mode):
    page = open_page(path, mode=mode, site=empty)
    picture(page, name, mode)
    assert page.get_by_text("pumphouse demo count --steps 3").is_visible()
    assert faults(page) == []
    assert sideways(page) == []


@pytest.mark.parametrize("mode", MODES)
def test_an_error_page_tells_the_next_step(open_page, mode):
    page = open_page("/nothing", mode=mode)
    page.complaints.clear()  # the browser itself reports a 404
    picture(page, "error", mode)
    assert page.get_by_role("heading", level=1).inner_text() == "There is no such page"
    assert faults(page) == []


def test_a_first_visit_loads_less_than_300_kilobytes(chromium, served):
    context = chromium.new_context(base_url=served.url)
    page = context.new_page()
    sizes = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto("/demo")
    page.wait_for_selector("canvas")
    context.close()
    assert any("uPlot" in url for url in sizes)
    assert 20_000 < sum(sizes.values()) < 300_000


def test_every_page_has_one_first_heading_a_title_and_landmarks(open_page, served):
    own = ("/syscalls", "/syscalls/matrix", "/syscalls/calls/openat2", "/syscalls/rules", "/syscalls/rules/R1", "/pgo")
    for path in ("/", "/runs", f"/runs/{served.filled.done}", "/api", "/sign-in", *own):
        page = open_page(path)
        assert page.locator("h1").count() == 1
        assert page.title().endswith("· Pumphouse")
        for role in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(role).first.is_visible(), (path, role)


def test_paper_shows_the_content_in_black_on_white_without_controls(open_page, served):
    page = open_page(f"/runs/{served.filled.done}", mode="dark")
    page.wait_for_selector("canvas")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.get_by_role("navigation", name="Site").is_visible()
    assert not page.get_by_role("button", name="Copy the command").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    picture(page, "run-done", "print")

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, a site full of runs, and somebody who has signed in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from tests.browser.filling import fill
from tests.serving import serving

from pumphouse.core.site import create_site

CHROMIUM = "/usr/bin/chromium"
PICTURES = Path(__file__).parents[1] / "artifacts" / "browser"
DEMO_PART = Path(__file__).parents[1] / "data" / "demo_part"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MODES = {
    "light": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(scope="module")  # while it runs, no other event loop may run in this thread: not longer than needed
def chromium():
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"{CHROMIUM} is missing; get it with: sudo apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_on_path():
    """The demonstration part, for the whole session: the server runs in a thread of it."""
    sys.path.insert(0, str(DEMO_PART))
    yield DEMO_PART
    sys.path.remove(str(DEMO_PART))


@pytest.fixture(scope="session")
def served(tmp_path_factory, demo_on_path):
    root = tmp_path_factory.mktemp("browser") / "site"
    create_site(root)
    with serving(root) as served:
        served.filled = served.call(fill(served.site))
        yield served


@pytest.fixture(scope="session")
def empty(tmp_path_factory, demo_on_path):
    root = tmp_path_factory.mktemp("empty") / "site"
    create_site(root)
    with serving(root) as served:
        yield served


@pytest.fixture
def open_page(chromium, served):
    """A function that opens a page in a browser of its own; the test fails if a script complains."""
    contexts, complaints = [], []

    def open_page(path, *, mode="light", cookie="", site=served, **options):
        context = chromium.new_context(base_url=site.url, **{**MODES[mode], **options})
        contexts.append(context)
        if cookie:
            context.add_cookies([{"name": "pumphouse", "value": cookie, "url": site.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.complaints = complaints
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def boss(served):
    """The cookie of an administrator."""
    web = served.app.state["web"]
    account = served.call(web.accounts.add("boss", "administrator", actor="test"))
    served.call(web.accounts.add("anne", "operator", actor="boss"))
    return served.call(web.sessions.begin(account.id, name="boss", days=1, user_agent="Chromium", how="test"))

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The contrast of every pair of colours that meets on a page (WCAG 2.2, 1.4.3 and 1.4.11), computed from the tokens."""

import re
from pathlib import Path

import pytest

from pumphouse.core.web.static_files import FOLDER

pytestmark = pytest.mark.unit

CSS = (FOLDER / "pumphouse.css").read_text()
TEXTS = ["text", "quiet", "accent", "good", "attention", "bad"]
GROUNDS = ["ground", "raised"]


def tokens(selector):
    """The colours that a rule with this selector sets."""
    rule = re.search(re.escape(selector) + r"\s*\{(.*?)\}", CSS, re.DOTALL)
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})", rule[1]))


LIGHT = tokens("\n:root")
DARK = tokens('\n:root[data-theme="dark"]')
THEMES = {"light": LIGHT, "dark": LIGHT | DARK, "print": LIGHT | tokens(':root,\n  :root:not([data-theme="light"])')}


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_standard_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_words_and_states_are_legible_on_every_ground(theme):
    colours = THEMES[theme]
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("on-accent", "accent"), ("text", "changed"), ("quiet", "changed")]
    low = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: value for pair, value in low.items() if value < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_and_lines_of_charts_are_seen_on_the_ground(theme):
    colours = THEMES[theme]
    names = ["control", *(name for name in colours if name.startswith("series-"))]
    low = {name: round(contrast(colours[name], colours["ground"]), 2) for name in names}
    assert {name: value for name, value in low.items() if value < 3} == {}


def test_the_two_ways_into_the_dark_have_the_same_colours():
    assert tokens(':root:not([data-theme="light"])') == DARK
    assert set(DARK) == {name for name in LIGHT if LIGHT[name].startswith("#")}


def test_templates_and_scripts_have_no_colour_of_their_own():
    files = [*(FOLDER.parent / "templates").rglob("*.html"), *FOLDER.glob("*.js")]
    assert files
    found = {path.name: re.findall(r"#[0-9a-fA-F]{6}\b|rgb\(", path.read_text()) for path in files}
    assert {name: colours for name, colours in found.items() if colours} == {}


def test_a_rule_uses_only_tokens_that_exist():
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", CSS)) <= set(re.findall(r"--([a-z0-9-]+):", CSS))
    assert Path(FOLDER / "pumphouse.css").stat().st_size < 40_000

# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.web.numbers import format_bytes, format_number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (7, "7"),
        (3.0, "3"),
        (999, "999"),
        (101.4375, "101"),
        (99.96, "100"),
        (9.996, "10.0"),
        (4.5, "4.50"),
        (0.0041, "0.00410"),
        (0.09999, "0.100"),
        (1402, "1 400"),
        (1_234_567.0, "1 230 000"),
        (999_950, "1 000 000"),
        (-777.25, "-777"),
        (0.0000042, "4.20e-06"),
        (1.5e18, "1.50e+18"),
        (float("nan"), "not a number"),
        (float("inf"), "infinite"),
        (float("-inf"), "-infinite"),
    ],
)
def test_a_number_has_three_significant_figures(value, words):
    assert format_number(value).replace("\N{NARROW NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (123456, "123 kB"), (2_500_000, "2.50 MB")]
)
def test_a_size_has_a_decimal_unit(size, words):
    assert format_bytes(size).replace("\N{NARROW NO-BREAK SPACE}", " ") == words

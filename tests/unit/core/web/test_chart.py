# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.web.chart import Axis, Chart, Series
from pumphouse.core.web.render import json_data

pytestmark = pytest.mark.unit


def test_the_table_of_a_chart_joins_its_series_by_their_places():
    chart = Chart(
        id="x",
        title="x",
        x=Axis(label="latency", unit="us"),
        y=Axis(label="count"),
        series=[Series(label="a", x=[1, 3], y=[10, None]), Series(label="b", x=[2, 3], y=[20, 30])],
    )
    assert chart.rows() == [(1, [10, None]), (2, [None, 20]), (3, [None, 30])]
    assert chart.x.title == "latency (us)"


def test_no_text_of_a_chart_can_end_its_data_block():
    assert "<" not in json_data({"title": "</script><script>alert(1)</script>"})

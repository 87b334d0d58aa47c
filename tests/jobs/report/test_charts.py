"""Charts are SVG that parses, with a mark for every number, inside the frame."""

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.jobs.report.axis import Axis, fitted, short
from longriver.jobs.report.charts import (
    Bar,
    Point,
    Series,
    bar_chart,
    column_chart,
    heat,
    line_chart,
    scatter_chart,
    strip_chart,
)
from longriver.jobs.report.plot import HEIGHT, WIDTH

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: str, kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(chart).iter(f"{SVG}{kind}"))


@given(st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_every_value_lies_on_its_axis_and_ticks_are_few(
    values: list[float], is_log: bool, from_zero: bool
) -> None:
    axis = fitted("x", values, is_log=is_log, from_zero=from_zero)
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12
    assert ticks == sorted(ticks)
    assert all(-1e-6 <= axis.place(tick) <= 1 + 1e-6 for tick in ticks)


def test_ticks_are_round_numbers() -> None:
    assert Axis("x", 0, 10).ticks() == [0, 2, 4, 6, 8, 10]
    assert [short(tick) for tick in Axis("x", 0.8, 2e6, is_log=True).ticks()] == [
        *("1", "10", "100", "1k", "10k", "100k", "1M"),
    ]
    assert Axis("x", 1.5, 1.7).ticks() == pytest.approx([1.5, 1.55, 1.6, 1.65, 1.7])


def test_a_point_and_a_line_for_every_series_and_a_legend_for_two() -> None:
    one = Series("one", [Point(1, 2, "a", 1.5, 2.5), Point(10, 3, "b", 2.0, 4.0)])
    two = Series("two", [Point(5, 5, "c")])
    chart = line_chart("t", "x", "y", [one, two], is_log=True)
    assert len(drawn(chart, "circle")) == 3
    assert len(drawn(chart, "polyline")) == 2
    assert len(drawn(chart, "polygon")) == 1
    assert {"one", "two", "x", "y"} <= {text.text for text in drawn(chart, "text")}
    assert len(drawn(scatter_chart("t", "x", "y", [one, two]), "circle")) == 3


def test_columns_stand_side_by_side_on_the_axis() -> None:
    rects = drawn(column_chart("t", "x", "y", [0, 1, 2, 3], [1, 0, 4], ["a", "b", "c"]), "rect")
    assert len(rects) == 3
    tops = [float(rect.attrib["y"]) for rect in rects]
    bottoms = {round(float(r.attrib["y"]) + float(r.attrib["height"])) for r in rects}
    assert len(bottoms) == 1 and tops[2] < tops[0] < tops[1]


def test_bars_are_as_long_as_their_numbers() -> None:
    bars = [Bar("a", 2.0, "tip"), Bar("b", 4.0, "tip", 3.0, 5.0)]
    chart = bar_chart("t", "x", bars)
    widths = [float(rect.attrib["width"]) for rect in drawn(chart, "rect")]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert len(drawn(chart, "path")) == 1


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0], [math.nan, 1.0, math.inf]])
def test_charts_of_next_to_nothing_are_charts(values: list[float]) -> None:
    points = [Point(i + 1.0, value, "tip") for i, value in enumerate(values)]
    able = [point for point in points if math.isfinite(point.y)]
    for is_log in (True, False):
        ElementTree.fromstring(line_chart("t", "x", "y", [Series("s", able)], is_log=is_log))
    ElementTree.fromstring(strip_chart("t", [point.y for point in able], ["tip"] * len(able)))
    ElementTree.fromstring(bar_chart("t", "x", [Bar("b", point.y, "tip") for point in able]))


def test_all_marks_lie_on_the_sheet() -> None:
    points = [Point(10.0**i, math.sin(i) * 1e6, "tip") for i in range(12)]
    for circle in drawn(line_chart("t", "x", "y", [Series("s", points)], is_log=True), "circle"):
        assert 0 < float(circle.attrib["cx"]) < WIDTH
        assert 0 < float(circle.attrib["cy"]) < HEIGHT


def test_shades_deepen_with_surprise() -> None:
    assert [heat(nats) for nats in (0, 0.05, 1, 3, 100)] == [0, 0, 4, 6, 9]

"""The charts of a report: lines with bands, bars, columns, points, strips."""

from collections.abc import Sequence
from dataclasses import dataclass

from longriver.jobs.report.axis import Axis, fitted, short
from longriver.jobs.report.markup import Html, number, tag
from longriver.jobs.report.plot import BOTTOM, RIGHT, TOP, WIDTH, Plot, color

BAR_HEIGHT, BAR_LEFT = 24, 190
STRIP_HEIGHT = 34


@dataclass(frozen=True, slots=True)
class Point:
    """A place, what is said of it, and, where it is an estimate, from where to where it may be."""

    x: float
    y: float
    tip: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together, by the name that the legend has for them."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Bar:
    """A named length, and the interval that it may lie in."""

    name: str
    value: float
    tip: str
    low: float | None = None
    high: float | None = None


def line_chart(
    title: str,
    x: str,
    y: str,
    series: Sequence[Series],
    *,
    is_log: bool = False,
    from_zero: bool = False,
) -> Html:
    """Lines from left to right; where there are intervals, a band behind."""
    points = [point for each in series for point in each.points]
    bounds = [b for p in points for b in (p.low, p.high) if b is not None]
    plot = Plot(
        fitted(x, [p.x for p in points], is_log=is_log),
        fitted(y, [*(p.y for p in points), *bounds], from_zero=from_zero),
    )
    marks = [mark for i, each in enumerate(series) for mark in _line(plot, each, color(i))]
    legend = [each.name for each in series] if len(series) > 1 else []
    return plot.svg(title, *marks, legend=legend)


def scatter_chart(
    title: str, x: str, y: str, series: Sequence[Series], *, is_log: bool = False
) -> Html:
    """Points, in a color for each series; only x is ever in ratios."""
    points = [point for each in series for point in each.points]
    plot = Plot(fitted(x, [p.x for p in points], is_log=is_log), fitted(y, [p.y for p in points]))
    marks = [dots(plot, each.points, i) for i, each in enumerate(series)]
    return plot.svg(title, *marks, legend=[s.name for s in series] if len(series) > 1 else [])


def dots(plot: Plot, points: Sequence[Point], index: int) -> Html:
    """Points in the n-th color."""
    return tag("g", *(_dot(plot, p, 3.2) for p in points), class_=f"dots {color(index)}")


def column_chart(
    title: str,
    x: str,
    y: str,
    edges: Sequence[float],
    heights: Sequence[float],
    tips: Sequence[str],
) -> Html:
    """Columns side by side, the n-th from the n-th edge to the next."""
    plot = Plot(Axis(x, edges[0], edges[-1]), fitted(y, list(heights), from_zero=True))
    bottom = plot.y_at(0)
    marks = []
    for left, right, height, tip in zip(edges[:-1], edges[1:], heights, tips, strict=True):
        at, top = plot.x_at(left), plot.y_at(height)
        width = max(plot.x_at(right) - at - 1, 0.5)
        mark = tag("rect", x=at, y=top, width=width, height=bottom - top, data_tip=tip)
        marks.append(mark)
    return plot.svg(title, tag("g", *marks, class_="columns c0"))


def bar_chart(title: str, label: str, bars: Sequence[Bar]) -> Html:
    """Bars below each other, each with its name and number."""
    bounds = [b for bar in bars for b in (bar.low, bar.high) if b is not None]
    axis = fitted(label, [*(bar.value for bar in bars), *bounds], from_zero=True)
    height = len(bars) * BAR_HEIGHT + 50
    marks = [mark for i, bar in enumerate(bars) for mark in _bar(axis, i, bar)]
    return tag(
        "svg",
        tag("title", title),
        _bar_grid(axis, height, is_whole=all(bar.value == round(bar.value) for bar in bars)),
        *marks,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        class_="chart",
        xmlns="http://www.w3.org/2000/svg",
    )


def strip_chart(title: str, values: Sequence[float], tips: Sequence[str]) -> Html:
    """A strip from left to right, shaded from the least of its own values to the greatest."""
    width = WIDTH / max(len(values), 1)
    low, high = min(values, default=0.0), max(values, default=0.0)
    cells = [
        tag(
            "rect",
            x=index * width,
            y=0,
            width=width,
            height=STRIP_HEIGHT,
            class_=f"h{round(len(HEATS) * (value - low) / (high - low or 1))}",
            data_tip=tip,
        )
        for index, (value, tip) in enumerate(zip(values, tips, strict=True))
    ]
    return tag(
        "svg",
        tag("title", title),
        tag("g", *cells, class_="strip"),
        viewBox=f"0 0 {WIDTH} {STRIP_HEIGHT}",
        role="img",
        class_="chart strip",
        preserveAspectRatio="none",
        xmlns="http://www.w3.org/2000/svg",
    )


HEATS = (0.1, 0.3, 0.6, 1.0, 1.5, 2.2, 3.2, 4.5, 6.5)
"""Nats a token from which on the next shade is used."""


def heat(nats: float) -> int:
    """The shade of a surprise, 0 for none."""
    return sum(nats >= bound for bound in HEATS)


def _line(plot: Plot, series: Series, class_: str) -> list[Html]:
    path = " ".join(f"{number(plot.x_at(p.x))},{number(plot.y_at(p.y))}" for p in series.points)
    ends = tag("g", *(_dot(plot, p, 3.5) for p in series.points), class_=f"dots {class_}")
    line = tag("polyline", points=path, class_=f"line {class_}")
    band = _band(plot, series.points)
    return [*([tag("polygon", points=band, class_=f"band {class_}")] if band else []), line, ends]


def _band(plot: Plot, points: Sequence[Point]) -> str:
    """Along the upper bounds, and back along the lower ones."""
    high = [(p.x, p.high) for p in points if p.high is not None]
    low = [(p.x, p.low) for p in points if p.low is not None]
    corners = [*high, *reversed(low)]
    return " ".join(f"{number(plot.x_at(x))},{number(plot.y_at(y))}" for x, y in corners)


def _dot(plot: Plot, point: Point, radius: float) -> Html:
    return tag("circle", cx=plot.x_at(point.x), cy=plot.y_at(point.y), r=radius, data_tip=point.tip)


def _bar_at(axis: Axis, value: float) -> float:
    return BAR_LEFT + axis.place(value) * (WIDTH - BAR_LEFT - RIGHT - 54)


def _bar(axis: Axis, index: int, bar: Bar) -> list[Html]:
    y, zero, end = TOP + index * BAR_HEIGHT, _bar_at(axis, 0), _bar_at(axis, bar.value)
    middle = y + BAR_HEIGHT / 2 - 2
    marks = [
        tag("text", _fitting(bar.name), x=BAR_LEFT - 8, y=middle + 4, text_anchor="end"),
        tag(
            "rect",
            x=min(zero, end),
            y=y,
            width=abs(end - zero),
            height=BAR_HEIGHT - 6,
            class_="bar c0",
            data_tip=bar.tip,
        ),
    ]
    right = end
    if bar.low is not None and bar.high is not None:
        low, right = _bar_at(axis, bar.low), max(end, _bar_at(axis, bar.high))
        whisker = f"M{number(low)},{number(middle)}H{number(right)}"
        marks.append(tag("path", d=whisker, class_="whisker"))
    return [*marks, tag("text", short(bar.value), x=right + 6, y=middle + 4, class_="value")]


def _bar_grid(axis: Axis, height: float, *, is_whole: bool) -> Html:
    bottom = height - BOTTOM + 14
    parts = []
    for value in axis.ticks():
        if is_whole and value != round(value):
            continue
        x = _bar_at(axis, value)
        parts.append(tag("line", x1=x, y1=float(TOP - 6), x2=x, y2=float(bottom)))
        parts.append(tag("text", short(value), x=x, y=bottom + 16, text_anchor="middle"))
    middle = (BAR_LEFT + WIDTH - RIGHT - 54) / 2
    parts.append(
        tag("text", axis.label, x=middle, y=bottom + 33, text_anchor="middle", class_="label")
    )
    return tag("g", *parts, class_="grid")


def _fitting(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:12]}…{name[-12:]}"

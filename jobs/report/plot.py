"""A chart's frame in SVG: axes with numbers, grid, legend, and the place of every mark."""

from collections.abc import Sequence
from dataclasses import dataclass

from longriver.jobs.report.axis import Axis, short
from longriver.jobs.report.markup import Html, tag

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 68, 20, 14, 52
LEGEND_HEIGHT = 24
NUM_COLORS = 8


@dataclass(frozen=True, slots=True)
class Plot:
    """Two axes on a sheet of ``WIDTH`` by ``HEIGHT``; the page scales it."""

    x: Axis
    y: Axis

    def x_at(self, value: float) -> float:
        return LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)

    def y_at(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)

    def svg(self, title: str, *marks: Html, legend: Sequence[str] = ()) -> Html:
        """The chart; of a legend, the n-th name has the n-th color."""
        height = HEIGHT + _legend_rows(legend) * LEGEND_HEIGHT
        return tag(
            "svg",
            tag("title", title),
            self._grid(),
            *marks,
            _legend(legend),
            viewBox=f"0 0 {WIDTH} {height}",
            role="img",
            class_="chart",
            xmlns="http://www.w3.org/2000/svg",
        )

    def _grid(self) -> Html:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts: list[Html] = []
        for value in self.x.ticks():
            x = self.x_at(value)
            parts.append(_line(x, TOP, x, bottom))
            parts.append(_text(short(value), x, bottom + 18.0, "middle"))
        for value in self.y.ticks():
            y = self.y_at(value)
            parts.append(_line(LEFT, y, right, y))
            parts.append(_text(short(value), LEFT - 8.0, y + 4, "end"))
        middle = (TOP + bottom) / 2
        turned = f"rotate(-90 16 {middle:.0f})"
        parts.append(_text(self.x.label, (LEFT + right) / 2, bottom + 40.0, "middle", "label"))
        parts.append(_text(self.y.label, 16.0, middle, "middle", "label", turned))
        return tag("g", *parts, class_="grid")


def _line(x1: float, y1: float, x2: float, y2: float) -> Html:
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2))


def _text(
    text: str, x: float, y: float, anchor: str, kind: str | None = None, turned: str | None = None
) -> Html:
    return tag("text", text, x=x, y=y, text_anchor=anchor, class_=kind, transform=turned)


def _width(name: str) -> float:
    return 30 + 7.5 * len(name)


def _legend_rows(names: Sequence[str]) -> int:
    return max((row for _, row in _places(names)), default=-1) + 1


def _places(names: Sequence[str]) -> list[tuple[float, int]]:
    """Where each name stands, and in which row."""
    x, row = float(LEFT), 0
    places: list[tuple[float, int]] = []
    for name in names:
        if x + _width(name) > WIDTH - RIGHT and x > LEFT:
            x, row = float(LEFT), row + 1
        places.append((x, row))
        x += _width(name)
    return places


def _legend(names: Sequence[str]) -> Html:
    parts: list[Html] = []
    for index, (name, (x, row)) in enumerate(zip(names, _places(names), strict=True)):
        y = HEIGHT + row * LEGEND_HEIGHT + 6.0
        swatch = tag("rect", x=x, y=y, width=12, height=12, rx=2, class_=color(index))
        parts += [swatch, _text(name, x + 17, y + 10.5, "start")]
    return tag("g", *parts, class_="legend") if parts else Html("")


def color(index: int) -> str:
    """The class of the n-th color."""
    return f"c{index % NUM_COLORS}"

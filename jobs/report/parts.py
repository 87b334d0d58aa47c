"""What a report's page is put together from: sections, figures with their numbers, tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longriver.jobs.report.markup import Html, tag

Cell = str | tuple[str, float]
"""A cell's text; a number beside it says by what the table is sorted."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, and its name in the list of contents."""

    title: str
    body: tuple[Html, ...]

    @property
    def html(self) -> Html:
        return tag("section", tag("h2", self.title), *self.body, id=slug(self.title))


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def figure(title: str, chart: Html, remark: str, numbers: Html | None = None) -> Html:
    """A chart with its title, what is to be known about it, its numbers and its exports."""
    name = slug(title)
    buttons = (tag("button", kind, type="button", data_export=kind) for kind in ("SVG", "PNG"))
    more = [tag("details", tag("summary", "Numbers"), numbers)] if numbers else []
    return tag(
        "figure",
        tag("figcaption", tag("h3", title), tag("div", *buttons, class_="exports")),
        chart,
        tag("p", remark, class_="remark"),
        *more,
        data_name=name,
        id=name,
    )


def grid(*figures: Html) -> Html:
    """Figures side by side where there is room."""
    return tag("div", *figures, class_="figures")


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], class_: str = "") -> Html:
    """A table that can be sorted; columns of numbers stand to the right."""
    kinds = ["num" if rows and isinstance(cell, tuple) else None for cell in (rows or [heads])[0]]
    head = (tag("th", h, scope="col", class_=k) for h, k in zip(heads, kinds, strict=True))
    body = (
        tag("tr", *(_cell(cell, k) for cell, k in zip(row, kinds, strict=True))) for row in rows
    )
    inner = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body), class_="sortable")
    return tag("div", inner, class_=f"scroll {class_}".strip())


def facts(rows: Sequence[tuple[str, str]]) -> Html:
    """Names and what there is to say of each."""
    body = (tag("tr", tag("th", name, scope="row"), tag("td", text)) for name, text in rows)
    return tag("div", tag("table", tag("tbody", *body), class_="facts"), class_="scroll")


def cards(rows: Sequence[tuple[str, str, str]]) -> Html:
    """Figures in large type: what it is called, the figure, a remark."""
    found = (
        tag(
            "div",
            tag("span", name, class_="name"),
            tag("span", value, class_="value"),
            tag("span", remark, class_="note"),
            class_="card",
        )
        for name, value, remark in rows
    )
    return tag("div", *found, class_="cards")


def paragraph(text: str, class_: str | None = "remark") -> Html:
    return tag("p", text, class_=class_)


def _cell(cell: Cell, kind: str | None) -> Html:
    if isinstance(cell, tuple):
        return tag("td", cell[0], class_=kind, data_v=f"{cell[1]:.12g}")
    return tag("td", cell, class_=kind)

"""The page of two runs side by side: document by document, by position, by group."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from longriver.engine.nll import NllSum
from longriver.jobs.report.axis import fitted
from longriver.jobs.report.charts import Bar, Point, Series, bar_chart, dots, line_chart
from longriver.jobs.report.markup import Html, number, short_name, tag, without_secrets
from longriver.jobs.report.page import page
from longriver.jobs.report.parts import Cell, Section, cards, facts, figure, grid, table
from longriver.jobs.report.plot import Plot
from longriver.jobs.report.run import figure_of, record, records
from longriver.pipeline.figures import count, counted, ratio
from longriver.pipeline.pairs import Scored

Pair = tuple[Scored, Scored]
Comparison = Mapping[str, object]

NUM_SAMPLE, MAX_BARS = 1500, 30
BITS, NATS = "bits per byte", "nats a token"


@dataclass(slots=True)
class Sample:
    """Pairs in equal distances, which double whenever there are too many.

    points: the name of a document, and its bits per byte in either run.
    """

    points: list[tuple[str, float, float]] = field(default_factory=list)
    stride: int = 1
    num_pairs: int = 0

    def through(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Passes pairs on, and keeps some of them."""
        for a, b in pairs:
            if a.num_bytes:
                self._add(a.document_id, _bits(a), _bits(b))
            yield a, b

    def _add(self, name: str, a: float, b: float) -> None:
        if self.num_pairs % self.stride == 0:
            self.points.append((short_name(name), a, b))
        self.num_pairs += 1
        if len(self.points) > NUM_SAMPLE:
            self.points, self.stride = self.points[::2], self.stride * 2


def comparison_page(found: Comparison, sample: Sample) -> bytes:
    """The whole page.

    Args:
        found: what ``longriver compare --json`` prints.
    """
    figures = [_pairs(sample), _positions(found), _groups(found)]
    sections = [
        Section("Figures", (cards(list(_cards(found))),)),
        Section("Side by side", (grid(*(each for each in figures if each is not None)),)),
        Section("Where they differ most", tuple(_extremes(found))),
        Section("What was compared", (facts(list(_facts(found))),)),
    ]
    names = [short_name(_side(found, side)["path"]) for side in "ab"]
    subtitle = f"A: {names[0]}; B: {names[1]}. B - A above 0 means that A needs fewer bits."
    return page("Two runs side by side", subtitle, sections)


def _cards(found: Comparison) -> Iterator[tuple[str, str, str]]:
    yield "A", ratio(figure_of(found["bits_per_byte_a"])), BITS
    yield "B", ratio(figure_of(found["bits_per_byte_b"])), BITS
    yield "B - A", _signed(figure_of(found["difference"])), _interval(found)
    yield "documents", count(figure_of(found["num_documents"]) or 0), "in both"
    for side in "ab":
        share = figure_of(found[f"share_{side}_better"]) or 0.0
        yield f"{side.upper()} is better", f"{share:.1%}", "of documents"


def _pairs(sample: Sample) -> Html:
    """A point a document, and the line on which both are equally good."""
    points = [
        Point(a, b, f"{name}\nA {ratio(a)}, B {ratio(b)} {BITS}") for name, a, b in sample.points
    ]
    values = [value for _, a, b in sample.points for value in (a, b)]
    plot = Plot(fitted(f"A, {BITS}", values), fitted(f"B, {BITS}", values))
    ends = (plot.x.low, plot.x.high)
    line = " ".join(f"{number(plot.x_at(end))},{number(plot.y_at(end))}" for end in ends)
    even = tag("polyline", points=line, class_="line c7")
    chart = plot.svg("bits per byte of documents in both runs", even, dots(plot, points, 0))
    some = f"Every {sample.stride}th document is shown. " if sample.stride > 1 else ""
    remark = f"{some}Below the line B needs fewer bits, above it A."
    return figure("Document by document", tag("div", chart, class_="cloud"), remark)


def _positions(found: Comparison) -> Html | None:
    buckets = records(found["by_position"])
    if not buckets:
        return None
    series = [Series(side.upper(), [_point(each, side) for each in buckets]) for side in "ab"]
    title, x = "nats a token by position in both runs", "position in the document, in tokens"
    chart = line_chart(title, x, NATS, series, is_log=True)
    return figure("By position", chart, "Sums over the documents of both runs.", _rows(buckets))


def _point(bucket: Mapping[str, object], side: str) -> Point:
    first, last = (figure_of(bucket[name]) or 1.0 for name in ("first_token", "last_token"))
    nats = figure_of(bucket[f"nll_per_token_{side}"]) or 0.0
    tip = f"{side.upper()}, tokens {count(first)} to {count(last)}\n{ratio(nats)} {NATS}"
    return Point((first * last) ** 0.5, nats, tip)


def _rows(buckets: Iterable[Mapping[str, object]]) -> Html:
    rows: list[list[Cell]] = []
    for each in buckets:
        first, last, a, b, tokens = (
            figure_of(each[name]) or 0.0
            for name in (
                "first_token",
                "last_token",
                "nll_per_token_a",
                "nll_per_token_b",
                "num_tokens",
            )
        )
        where = f"{count(first)} to {count(last)}"
        numbers: list[Cell] = [(ratio(a), a), (ratio(b), b), (_signed(b - a), b - a)]
        rows.append([(where, first), *numbers, (count(tokens), tokens)])
    return table(("tokens", "A", "B", "B - A", "of so many"), rows)


def _groups(found: Comparison) -> Html | None:
    groups = [each for each in records(found["groups"]) if each["difference"] is not None]
    if not groups:
        return None
    largest = sorted(groups, key=lambda each: -(figure_of(each["num_documents"]) or 0))
    bars = [_bar(each) for each in largest[:MAX_BARS]]
    chart = bar_chart("difference in bits per byte by group", f"B - A, {BITS}", bars)
    return figure("By group", chart, "The lines are 95 % intervals, by resampling documents.")


def _bar(group: Mapping[str, object]) -> Bar:
    name = " / ".join(short_name(value) for value in record(group["group"]).values())
    value = figure_of(group["difference"]) or 0.0
    documents = counted(int(figure_of(group["num_documents"]) or 0), "document")
    tip = f"{name}\nB - A {_signed(value)} {BITS}\n{documents}"
    interval = group["difference_95"]
    if not isinstance(interval, list | tuple):
        return Bar(name, value, tip)
    return Bar(name, value, tip, float(interval[0]), float(interval[1]))


def _extremes(found: Comparison) -> Iterator[Html]:
    for side in "ab":
        rows: list[list[Cell]] = []
        for each in records(found[f"{side}_better"]):
            a, b, by = (
                figure_of(each[name]) or 0.0
                for name in ("bits_per_byte_a", "bits_per_byte_b", "difference")
            )
            name = short_name(each["document_id"])
            rows.append([name, (ratio(a), a), (ratio(b), b), (_signed(by), by)])
        if rows:
            yield tag("h3", f"{side.upper()} is ahead")
            yield table(("document", "A", "B", "B - A"), rows)


def _facts(found: Comparison) -> Iterator[tuple[str, str]]:
    for side in "ab":
        for name, value in _side(found, side).items():
            yield f"{side.upper()}, {name.replace('_', ' ')}", without_secrets(str(value))
        number = count(figure_of(found[f"only_in_{side}"]) or 0)
        yield f"{side.upper()}, documents left out", number


def _side(found: Comparison, side: str) -> Mapping[str, object]:
    return record(found[side])


def _interval(found: Comparison) -> str:
    interval = found["difference_95"]
    if not isinstance(interval, list | tuple):
        return BITS
    low, high = (_signed(float(bound)) for bound in interval)
    return f"95 %: {low} to {high}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4g}"


def _bits(scored: Scored) -> float:
    bits = NllSum(scored.nll, scored.num_tokens, scored.num_bytes).bits_per_byte
    assert bits is not None
    return bits

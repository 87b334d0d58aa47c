"""Charts of what text costs: by position, by length, by group, and how it is spread."""

from collections.abc import Mapping

from longriver.jobs.report.axis import short
from longriver.jobs.report.charts import (
    Bar,
    Point,
    Series,
    bar_chart,
    column_chart,
    line_chart,
    scatter_chart,
)
from longriver.jobs.report.markup import Html, short_name, tag
from longriver.jobs.report.parts import Cell, figure, table
from longriver.jobs.report.run import Run, figure_of, record, records
from longriver.jobs.report.scored import Documents, Length, Position
from longriver.pipeline.figures import count, counted, ratio

MAX_BARS = 30
NATS = "nats a token"
BITS = "bits per byte"


def by_position(run: Run, segments: list[Position]) -> Html | None:
    """Exact buckets where the perplexity job has filled them, else segments by their middles."""
    exact = records(run.findings("perplexity").get("by_position"))
    if exact:
        return _by_token(exact)
    return _by_segment(segments) if segments else None


def by_length(run: Run, documents: Documents, table_name: str) -> Html:
    """A sample of documents as points, and the figure of each octave of lengths as a line."""
    names = run.rows(table_name, [row for row, _, _ in documents.sampled], ["document_id"])
    points = [
        Point(n, bits, f"{short_name(names[row]['document_id'])}\n{_costs(n, bits)}")
        for row, n, bits in documents.sampled
    ]
    chart = scatter_chart(
        "bits per byte by length of document",
        "tokens of the document",
        BITS,
        [Series("documents", points)],
        is_log=True,
    )
    every = f"Every {documents.stride}th document is shown. " if documents.stride > 1 else ""
    remark = f"{every}One point a document; the numbers are ratios of sums over all documents."
    cloud, numbers = tag("div", chart, class_="cloud"), _lengths(documents.by_length())
    return figure("By length", cloud, remark, numbers)


def spread(documents: Documents) -> Html | None:
    """Columns of documents; of empty ones alone there are none."""
    edges, counts = documents.spread.columns()
    total = sum(counts)
    if not total:
        return None
    tips = [
        f"{short(low)} to {short(high)} {BITS}\n{counted(n, 'document')}, {n / total:.1%}"
        for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    chart = column_chart("documents by bits per byte", BITS, "documents", edges, counts, tips)
    return figure("Distribution", chart, "The outermost columns take in what lies beyond them.")


def by_group(run: Run) -> Html | None:
    """Bars of the largest groups, with intervals where documents were resampled."""
    groups = [each for each in records(run.summary.get("groups")) if "bits_per_byte" in each]
    if not groups:
        return None
    intervals = _intervals(run)
    largest = sorted(groups, key=lambda each: -(figure_of(each["num_documents"]) or 0))[:MAX_BARS]
    ranked = sorted(largest, key=lambda each: figure_of(each["bits_per_byte"]) or 0.0)
    bars = [_bar(each, intervals) for each in ranked if each["bits_per_byte"] is not None]
    chart = bar_chart("bits per byte by group", BITS, bars)
    left_out = len(groups) - len(largest)
    more = f" {count(left_out)} smaller groups are in summary.json." if left_out else ""
    whiskers = " The lines are 95 % intervals, by resampling documents." if intervals else ""
    columns = ", ".join(run.config.data.group_columns)
    remark = f"Ratios of sums over the documents of each {columns}.{whiskers}{more}"
    return figure("By group", chart, remark, _groups(ranked))


def _by_token(buckets: list[Mapping[str, object]]) -> Html:
    points: list[Point] = []
    rows: list[list[Cell]] = []
    for each in buckets:
        first, last, nats = (
            figure_of(each[name]) or 0.0 for name in ("first_token", "last_token", "nll_per_token")
        )
        where = count(first) if first == last else f"{count(first)} to {count(last)}"
        number = figure_of(each["num_documents"]) or 0.0
        points.append(
            Point(
                (first * last) ** 0.5,
                nats,
                f"tokens {where}\n{ratio(nats)} {NATS}\n{counted(int(number), 'document')}",
            )
        )
        tokens = figure_of(each["num_tokens"]) or 0.0
        rows.append(
            [(where, first), (count(number), number), (count(tokens), tokens), (ratio(nats), nats)]
        )
    chart = _position_chart(points)
    numbers = table(("tokens", "documents", "tokens there", NATS), rows)
    return figure("By position", chart, POSITION_REMARK, numbers)


POSITION_REMARK = "Only long documents have late positions, so both ends need not be of the same."


def _by_segment(positions: list[Position]) -> Html:
    points = [
        Point(
            p.token,
            p.nats,
            f"about token {count(p.token)}\n{ratio(p.nats)} {NATS}\n"
            f"{counted(p.num_segments, 'segment')}",
            p.low,
            p.high,
        )
        for p in positions
    ]
    rows: list[list[Cell]] = [
        [
            (count(p.token), p.token),
            (count(p.num_segments), p.num_segments),
            (ratio(p.nats), p.nats),
            (f"{ratio(p.low)} to {ratio(p.high)}", p.low),
        ]
        for p in positions
    ]
    numbers = table(("about token", "segments", NATS, "middle half"), rows)
    remark = (
        f"Segments by where their middles lie; half of them are in the band. {POSITION_REMARK} "
        "longriver perplexity counts token by token."
    )
    return figure("By position", _position_chart(points), remark, numbers)


def _position_chart(points: list[Point]) -> Html:
    title, x = "nats a token by position in the document", "position in the document, in tokens"
    return line_chart(title, x, NATS, [Series("all", points)], is_log=True)


def _lengths(lengths: list[Length]) -> Html:
    rows: list[list[Cell]] = [
        [
            (f"{count(each.first)} to {count(each.last)}", each.first),
            (count(each.num_documents), each.num_documents),
            (ratio(each.bits_per_byte), each.bits_per_byte),
        ]
        for each in lengths
    ]
    return table(("tokens", "documents", BITS), rows)


def _intervals(run: Run) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for each in records(run.findings("perplexity").get("groups")):
        interval = each.get("bits_per_byte_95")
        if isinstance(interval, list):
            found[_group_name(each)] = (float(interval[0]), float(interval[1]))
    return found


def _group_name(group: Mapping[str, object]) -> str:
    return " / ".join(short_name(value) for value in record(group["group"]).values())


def _bar(group: Mapping[str, object], intervals: Mapping[str, tuple[float, float]]) -> Bar:
    name, bits = _group_name(group), figure_of(group["bits_per_byte"]) or 0.0
    low, high = intervals.get(name, (None, None))
    documents = counted(int(figure_of(group["num_documents"]) or 0), "document")
    return Bar(name, bits, f"{name}\n{ratio(bits)} {BITS}\n{documents}", low, high)


def _groups(groups: list[Mapping[str, object]]) -> Html:
    rows: list[list[Cell]] = []
    for each in groups:
        numbers = [
            figure_of(each.get(n))
            for n in ("num_documents", "num_tokens", "bits_per_byte", "perplexity")
        ]
        documents, tokens, bits, perplexity = (number or 0.0 for number in numbers)
        rows.append(
            [
                _group_name(each),
                (count(documents), documents),
                (count(tokens), tokens),
                (ratio(bits), bits),
                (ratio(perplexity), perplexity),
            ]
        )
    return table(("group", "documents", "tokens", BITS, "perplexity"), rows)


def _costs(num_tokens: int, bits: float) -> str:
    return f"{counted(num_tokens, 'token')}, {ratio(bits)} {BITS}"

"""The most and the least surprising documents and segments, with their text."""

import math
from collections.abc import Sequence

from longriver.jobs.report.markup import Html, short_name, tag, without_secrets
from longriver.jobs.report.parts import Section, paragraph
from longriver.jobs.report.run import Run, whole
from longriver.jobs.report.scored import Documents, Segments
from longriver.jobs.report.survey import MIN_TOKENS, Extreme
from longriver.pipeline.excerpt import NoText, Passage
from longriver.pipeline.figures import count, ratio
from longriver.pipeline.table import Row

DOCUMENT_BYTES, SEGMENT_BYTES = 700, 1500
DOCUMENT = (
    "document_id",
    "source",
    "source_row",
    "num_bytes",
    "num_tokens",
    "nll",
    "bits_per_byte",
)
SEGMENT = (
    "document_id",
    "source",
    "segment_index",
    "token_start",
    "num_tokens",
    "byte_start",
    "num_bytes",
    "nll",
)


def worst_and_best_documents(run: Run, documents: Documents, table_name: str) -> Section:
    """As many of each as are kept; those between are in the results."""
    worst, best = documents.extremes.both()
    rows = run.rows(table_name, [each.row for each in (*worst, *best)], DOCUMENT)
    run.texts.fetch(map(_beginning, rows.values()))
    parts = [paragraph(_remark("documents", documents.extremes.is_long))]
    for title, chosen in (("Most surprising", worst), ("Least surprising", best)):
        body = [_document(run, rows[each.row]) for each in chosen]
        if body:
            parts += [
                tag("h3", title),
                passages(("document", "tokens", "bits/byte", "it begins"), body),
            ]
    return Section("Worst and best documents", tuple(parts))


def worst_and_best_segments(
    run: Run, segments: Segments, documents: Documents, table_name: str
) -> Section:
    """Every segment's document is known by its row, for ids need not be unlike."""
    worst, best = segments.extremes.both()
    rows = run.rows("segments", [each.row for each in (*worst, *best)], SEGMENT)
    owners = run.rows(
        table_name, list(documents.owners.values()), ("source", "source_row", "document_id")
    )
    run.texts.fetch(_inside(row, owners[documents.owners[at]]) for at, row in rows.items())
    parts = [paragraph(_remark("segments", segments.extremes.is_long))]
    for title, chosen in (("Most surprising", worst), ("Least surprising", best)):
        body = [
            _segment(run, rows[each.row], owners[documents.owners[each.row]]) for each in chosen
        ]
        if body:
            parts += [
                tag("h3", title),
                passages(("document", "tokens", "bits/byte", "text"), body),
            ]
    return Section("Worst and best segments", tuple(parts))


def wanted_segments(segments: Segments) -> list[int]:
    """The rows of the segments that will be shown."""
    return sorted(each.row for some in segments.extremes.both() for each in some)


def chosen_documents(documents: Documents, number: int) -> list[Extreme]:
    """The worst, the best and the longest, each once."""
    worst, best = documents.extremes.both()
    longest = [documents.longest] if documents.longest is not None else []
    chosen = [*worst[:number], *best[:number], *longest]
    return list({each.row: each for each in reversed(chosen)}.values())[::-1]


def shown_text(run: Run, passage: Passage) -> Html:
    """Some text that has been fetched, or why it is not there."""
    try:
        return tag("div", run.texts.text(passage), class_="passage", dir="auto")
    except NoText as missing:
        return no_text(missing)


def no_text(missing: NoText) -> Html:
    return tag("p", f"No text: {without_secrets(str(missing))}.", class_="missing")


def passage_of(row: Row, start: int, num_bytes: int) -> Passage:
    """Some bytes of the document that a row names."""
    return Passage(str(row["source"]), whole(row["source_row"]), start, num_bytes)


def text_row(
    name: object, source: object, where: str, num_tokens: int, value: float, text: Html
) -> Html:
    """A row of a table of passages: names, tokens, a figure, the text."""
    names = [tag("strong", short_name(name), class_="name")]
    file = str(source).rpartition("/")[2]
    if file not in str(name):
        names.append(tag("div", short_name(file), class_="remark"))
    if where:
        names.append(tag("div", where, class_="remark"))
    return tag(
        "tr",
        tag("td", *names),
        tag("td", count(num_tokens), class_="num", data_v=num_tokens),
        tag("td", ratio(value), class_="num", data_v=f"{value:.9g}"),
        tag("td", text),
    )


def passages(heads: Sequence[str], rows: Sequence[Html]) -> Html:
    kinds = (None, "num", "num", None)
    head = (tag("th", h, scope="col", class_=kind) for h, kind in zip(heads, kinds, strict=True))
    inner = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="sortable")
    return tag("div", inner, class_="scroll passages")


def _remark(what: str, is_long: bool) -> str:
    least = f", of those with at least {MIN_TOKENS} tokens" if is_long else ""
    return f"By bits per byte{least}. Every one of the {what} is in the results."


def _document(run: Run, row: Row) -> Html:
    text = shown_text(run, _beginning(row))
    bits, num_tokens = float(str(row["bits_per_byte"])), whole(row["num_tokens"])
    return text_row(row["document_id"], row["source"], "", num_tokens, bits, text)


def _segment(run: Run, row: Row, owner: Row) -> Html:
    assert row["document_id"] == owner["document_id"], "segments lie in the order of documents"
    text = shown_text(run, _inside(row, owner))
    bits = float(str(row["nll"])) / (math.log(2) * whole(row["num_bytes"]))
    where = f"from token {count(whole(row['token_start']) + 1)}"
    num_tokens = whole(row["num_tokens"])
    return text_row(row["document_id"], row["source"], where, num_tokens, bits, text)


def _beginning(row: Row) -> Passage:
    return passage_of(row, 0, min(whole(row["num_bytes"]), DOCUMENT_BYTES))


def _inside(row: Row, owner: Row) -> Passage:
    size = min(whole(row["num_bytes"]), SEGMENT_BYTES)
    return passage_of(owner, whole(row["byte_start"]), size)

"""Surprise over a document's text: a strip from end to end, and its beginning token by token."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from longriver.engine.tokenizer.base import Tokenizer, Tokens
from longriver.jobs.report.charts import HEATS, heat, strip_chart
from longriver.jobs.report.extremes import DOCUMENT, no_text, passage_of
from longriver.jobs.report.markup import Html, short_name, tag
from longriver.jobs.report.parts import Section, paragraph
from longriver.jobs.report.run import Run, whole
from longriver.jobs.report.survey import Extreme, Floats
from longriver.jobs.report.texts import decoded
from longriver.pipeline.excerpt import NoText, Passage
from longriver.pipeline.figures import count, counted, ratio
from longriver.pipeline.table import Row

TEXT_BYTES, TEXT_TOKENS = 6000, 2000
MAX_CELLS = 400
PLACES = ("document_id", "token_start", "num_tokens", "byte_start", "num_bytes", "nll")


def heat_map(
    run: Run,
    table_name: str,
    chosen: Sequence[Extreme],
    segment_tokens: int,
    tokenizer: Tokenizer | str,
) -> Section:
    """Chosen documents.

    Args:
        chosen: each with its first segment.
        tokenizer: the run's, or why tokens have no shades of their own.
    """
    rows = run.rows(table_name, [each.row for each in chosen], DOCUMENT)
    run.texts.fetch(map(_beginning, rows.values()))
    remark = (
        "The strip is the whole document, shaded from its least to its most surprising segment. "
        "Below is its text as far as there is room: the deeper the shade, the more nats a token. "
    )
    if isinstance(tokenizer, str):
        remark += f"Shades are those of segments: {tokenizer}."
    else:
        remark += "Tokens that only together make a character are shown as one."
    parts = [
        _document(run, rows[each.row], each.first, segment_tokens, tokenizer) for each in chosen
    ]
    return Section("Surprise over the text", (paragraph(remark), _key(), *parts))


def _document(
    run: Run, row: Row, first: int, segment_tokens: int, tokenizer: Tokenizer | str
) -> Html:
    num_tokens = whole(row["num_tokens"])
    bits = float(str(row["bits_per_byte"])) if num_tokens else None
    facts = f"{counted(num_tokens, 'token')}, {ratio(bits)} bits per byte"
    head = tag("h3", short_name(row["document_id"]), tag("small", facts))
    if not num_tokens:
        return tag("div", head, class_="document")
    num_segments = -(-num_tokens // segment_tokens)
    segments = _segments(run, first, num_segments)
    assert segments[0]["document_id"] == row["document_id"], "segments lie in documents' order"
    if isinstance(tokenizer, str):
        text = _text(run, row, lambda data: _by_segment(data, segments))
    else:
        nats = _token_nll(run, first, min(num_segments, -(-TEXT_TOKENS // segment_tokens)))
        text = _text(run, row, lambda data: _by_token(data, nats, tokenizer))
    return tag("div", head, _strip(segments), text, class_="document")


def _segments(run: Run, first: int, number: int) -> list[Row]:
    """All segments of a document, or some in equal distances."""
    rows = range(first, first + number, max(-(-number // MAX_CELLS), 1))
    return list(run.rows("segments", rows, PLACES).values())


def _strip(segments: Sequence[Row]) -> Html:
    nats = [_nats_a_token(each) for each in segments]
    tips = [
        f"from token {count(whole(each['token_start']) + 1)}\n{ratio(value)} nats a token"
        for each, value in zip(segments, nats, strict=True)
    ]
    return strip_chart("nats a token from beginning to end", nats, tips)


def _text(run: Run, row: Row, cells: Callable[[bytes], Iterable[Html]]) -> Html:
    """The beginning of a document in shaded cells."""
    try:
        data = run.texts.data(_beginning(row))
    except NoText as missing:
        return no_text(missing)
    return tag("div", *cells(data), class_="text", dir="auto")


def _token_nll(run: Run, first: int, num_segments: int) -> Floats:
    """Of the tokens whose text is shown."""
    rows = run.rows("segments", range(first, first + num_segments), ("token_nll",)).values()
    nats = [np.asarray(row["token_nll"], np.float64) for row in rows]
    return np.concatenate(nats)[:TEXT_TOKENS]


def _by_token(data: bytes, nats: Floats, tokenizer: Tokenizer) -> Iterator[Html]:
    """Cells of whole characters: bytes are decoded as they come, and wait for their like."""
    tokens: Tokens = tokenizer.stream().feed(data)
    number = min(len(tokens), len(nats))
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    waiting, num_waiting = 0.0, 0
    ends = [0, *tokens.ends[:number].tolist()]
    for (start, end), cost in zip(pairwise(ends), nats[:number].tolist(), strict=True):
        waiting, num_waiting = waiting + cost, num_waiting + 1
        text = decoder.decode(data[start:end])
        if text:
            together = f", {num_waiting} tokens" if num_waiting > 1 else ""
            yield _cell(text, waiting / num_waiting, f"{waiting:.2f} nats{together}")
            waiting, num_waiting = 0.0, 0


def _by_segment(data: bytes, segments: Sequence[Row]) -> Iterator[Html]:
    for each in segments:
        start = whole(each["byte_start"])
        if start >= len(data):
            break
        part = data[start : start + whole(each["num_bytes"])]
        nats = _nats_a_token(each)
        yield _cell(decoded(part, is_inner=start > 0), nats, f"{ratio(nats)} nats a token")


def _beginning(row: Row) -> Passage:
    return passage_of(row, 0, min(whole(row["num_bytes"]), TEXT_BYTES))


def _cell(text: str, nats: float, tip: str) -> Html:
    return tag("span", text, class_=f"h{heat(nats)}", data_tip=tip)


def _nats_a_token(segment: Row) -> float:
    return float(str(segment["nll"])) / max(whole(segment["num_tokens"]), 1)


def _key() -> Html:
    bounds = [0.0, *HEATS]
    spans = (tag("span", f"{bound:g}", class_=f"h{heat(bound)}") for bound in bounds)
    return tag("p", "nats from ", *spans, class_="key")

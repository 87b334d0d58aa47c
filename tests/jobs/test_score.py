"""The score job: what a document's rows say, however its chunks were cut."""

import math
import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.result import ScoredChunk
from longriver.engine.saved import packed, unpacked
from longriver.engine.sequence import Sequence as EngineSequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.tokenizer.base import Tokens
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.document import Document
from longriver.pipeline.table import Row

SEQUENCE = EngineSequence("document", iter(()), prefix_token=0)

nats = st.lists(st.floats(0, 50, width=32), max_size=60)
cuts = st.lists(st.integers(0, 60), max_size=8)


def document(*groups: str | None) -> Document:
    return Document("doc", "books/a.txt", 7, groups, iter(()))


def tokens_of(widths: Sequence[int]) -> Tokens:
    ids = np.arange(len(widths), dtype=np.int32) + 100
    return Tokens(ids, np.cumsum(np.asarray(widths, np.int64)))


def chunked(tokens: Tokens, nll: Sequence[float], cut: Sequence[int]) -> Iterator[ScoredChunk]:
    """One chunk between each two cuts; the last one is marked, and may be empty."""
    values = np.asarray(nll, np.float32)
    edges = sorted({0, *(min(place, len(values)) for place in cut)})
    for start, end in zip(edges, [*edges[1:], len(values)], strict=True):
        yield ScoredChunk(SEQUENCE, tokens[start:end], values[start:end], end == len(values))


def rows_of(
    job: ScoreJob, chunks: Iterator[ScoredChunk], counts: TextCounts, document: Document
) -> tuple[list[Row], Row]:
    """Rows of ``segments``, and the row of ``score``."""
    accumulator = job.open(document)
    rows = [row for chunk in chunks for row in accumulator.update(chunk)]
    *segments, last = [*rows, *accumulator.finalize(counts)]
    assert [name for name, _ in segments] == ["segments"] * len(segments)
    assert last[0] == "score"
    return [row for _, row in segments], last[1]


def score(
    nll: Sequence[float],
    cut: Sequence[int] = (),
    config: ScoreConfig | None = None,
    counts: TextCounts | None = None,
) -> tuple[list[Row], Row]:
    chunks = chunked(tokens_of([2] * len(nll)), nll, cut)
    default = TextCounts(num_bytes=2 * len(nll), num_chars=len(nll), num_words=3)
    return rows_of(ScoreJob(config or ScoreConfig()), chunks, counts or default, document())


def plain(rows: list[Row]) -> list[Row]:
    lists = ("token_ids", "token_nll")
    return [row | {name: row[name].tolist() for name in lists} for row in rows]


@given(nats, cuts, cuts, st.integers(1, 70))
def test_any_chunking_gives_the_same_rows(
    nll: list[float], cut: list[int], other_cut: list[int], segment_tokens: int
) -> None:
    config = ScoreConfig(segment_tokens=segment_tokens, token_ids=True, token_nll=True)
    segments, row = score(nll, cut, config)
    other_segments, other_row = score(nll, other_cut, config)
    assert plain(segments) == plain(other_segments)
    assert row == other_row


@given(nats, cuts, st.integers(1, 70))
def test_segments_lie_end_to_end_and_add_up(
    nll: list[float], cut: list[int], segment_tokens: int
) -> None:
    segments, row = score(nll, cut, ScoreConfig(segment_tokens=segment_tokens, token_nll=True))
    sizes = [segment["num_tokens"] for segment in segments]
    assert sizes[:-1] == [segment_tokens] * (len(sizes) - 1)
    assert sum(sizes) == row["num_tokens"] == len(nll)
    assert [s["segment_index"] for s in segments] == list(range(len(segments)))
    assert [s["token_start"] for s in segments] == [i * segment_tokens for i in range(len(sizes))]
    assert [s["byte_start"] for s in segments] == [2 * s["token_start"] for s in segments]
    assert sum(s["num_bytes"] for s in segments) == row["num_bytes"]
    assert [s["nll"] for s in segments] == [math.fsum(s["token_nll"].tolist()) for s in segments]
    total = 0.0
    for segment in segments:
        total += segment["nll"]
    assert row["nll"] == total


def test_segments_are_written_as_soon_as_they_are_full() -> None:
    accumulator = ScoreJob(ScoreConfig(segment_tokens=2)).open(document())
    chunks = chunked(tokens_of([1, 1, 1, 1, 1]), [1.0] * 5, [1, 2])
    assert [len(accumulator.update(chunk)) for chunk in chunks] == [0, 1, 1]


@given(nats, cuts, st.integers(1, 9))
def test_a_document_that_was_put_aside_gives_the_same_rows(
    values: list[float], cut: list[int], segment_tokens: int
) -> None:
    config = ScoreConfig(segment_tokens=segment_tokens, token_ids=True, token_nll=True)
    expected = score(values, cut, config)
    job = ScoreJob(config)
    accumulator, rows = job.open(document()), []
    for chunk in chunked(tokens_of([2] * len(values)), values, cut):
        rows += accumulator.update(chunk)
        accumulator = job.restore(document(), unpacked(packed(accumulator.save())))
    counts = TextCounts(num_bytes=2 * len(values), num_chars=len(values), num_words=3)
    *segments, (_, last) = [*rows, *accumulator.finalize(counts)]
    assert plain([row for _, row in segments]) == plain(expected[0])
    assert last == expected[1]


def test_bytes_of_a_segment_follow_its_tokens() -> None:
    chunks = chunked(tokens_of([1, 5, 2, 3]), [1.0] * 4, [3])
    job = ScoreJob(ScoreConfig(segment_tokens=2))
    segments, _ = rows_of(job, chunks, TextCounts(11, 11, 1), document())
    assert [(s["byte_start"], s["num_bytes"]) for s in segments] == [(0, 6), (6, 5)]


def test_ratios_are_those_of_lm_eval() -> None:
    _, row = score([math.log(4)] * 6, counts=TextCounts(num_bytes=12, num_chars=12, num_words=3))
    assert row["bits_per_byte"] == pytest.approx(1.0)
    assert row["perplexity"] == pytest.approx(4)
    assert row["word_perplexity"] == pytest.approx(16)
    assert row["byte_perplexity"] == pytest.approx(2)
    assert (row["status"], row["context_policy"]) == ("ok", "streaming")


def test_a_perplexity_beyond_float64_is_infinite() -> None:
    _, row = score([1000.0], counts=TextCounts(num_bytes=2, num_chars=2, num_words=1))
    assert row["perplexity"] == math.inf
    assert row["nll"] == 1000.0


def test_an_empty_document_has_a_row_without_ratios() -> None:
    segments, row = score([], counts=TextCounts(num_bytes=0, num_chars=0, num_words=1))
    assert segments == []
    assert (row["num_tokens"], row["nll"], row["status"]) == (0, 0.0, "empty")
    ratios = ("bits_per_byte", "perplexity", "word_perplexity", "byte_perplexity")
    assert [row[name] for name in ratios] == [None] * 4


@pytest.mark.parametrize("token_ids", [False, True])
@pytest.mark.parametrize("token_nll", [False, True])
def test_rows_have_the_columns_of_their_tables(token_ids: bool, token_nll: bool) -> None:
    config = ScoreConfig(token_ids=token_ids, token_nll=token_nll)
    job = ScoreJob(config, ("lang", "year"))
    chunks = chunked(tokens_of([1, 1]), [1.0, 2.0], [])
    segments, row = rows_of(job, chunks, TextCounts(2, 2, 1), document("en", None))
    score_table, segment_table = job.tables
    assert list(row) == [] or set(row) == {column.name for column in score_table.columns}
    assert set(segments[0]) == {column.name for column in segment_table.columns}
    assert (row["lang"], row["year"]) == ("en", None)
    assert [column.name for column in score_table.columns][-3:] == ["status", "lang", "year"]


def test_token_lists_are_as_wide_as_their_columns() -> None:
    segments, _ = score([1.5, 2.5], config=ScoreConfig(token_ids=True, token_nll=True))
    assert segments[0]["token_ids"].dtype == np.int32
    assert segments[0]["token_nll"].dtype == np.float32


def test_a_row_adds_its_counts_to_the_shard() -> None:
    _, row = score([1.0, 2.0], counts=TextCounts(num_bytes=4, num_chars=4, num_words=1))
    assert ScoreJob(ScoreConfig()).sums("score", row) == {
        "nll": 3.0,
        "num_tokens": 2,
        "num_bytes": 4,
        "num_chars": 4,
        "num_words": 1,
        "num_documents": 1,
    }


def test_memory_does_not_grow_with_the_document() -> None:
    accumulator = ScoreJob(ScoreConfig(segment_tokens=1024)).open(document())
    chunk = next(chunked(tokens_of([1] * 500), [1.0] * 500, []))
    for _ in range(50):
        accumulator.update(chunk)
    tracemalloc.start()
    for _ in range(2_000):
        accumulator.update(chunk)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000

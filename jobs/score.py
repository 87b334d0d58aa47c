"""The score job: how likely the network finds each document, and each stretch of it."""

from dataclasses import dataclass

import numpy as np

from longriver.engine.nll import NllSum
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, inside, taken_from, whole
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import Wants
from longriver.jobs.context_policy import window_of
from longriver.jobs.score_config import ScoreConfig
from longriver.jobs.segment import Segment
from longriver.pipeline.document import Document
from longriver.pipeline.job import Reader, TableRow
from longriver.pipeline.table import Column, Row, Table

SCORE = Table(
    "score",
    (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("source_row", "int64"),
        Column("num_bytes", "int64"),
        Column("num_chars", "int64"),
        Column("num_words", "int64"),
        Column("num_tokens", "int64"),
        Column("nll", "float64"),
        Column("bits_per_byte", "float64"),
        Column("perplexity", "float64"),
        Column("word_perplexity", "float64"),
        Column("byte_perplexity", "float64"),
        Column("context_policy", "string"),
        Column("status", "string"),
    ),
)
SEGMENTS = Table(
    "segments",
    (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("segment_index", "int64"),
        Column("token_start", "int64"),
        Column("num_tokens", "int64"),
        Column("byte_start", "int64"),
        Column("num_bytes", "int64"),
        Column("nll", "float64"),
    ),
)
SUMMED = ("nll", "num_tokens", "num_bytes", "num_chars", "num_words")


@dataclass(frozen=True)
class ScoreJob:
    """Scores documents into the tables ``score`` and ``segments``."""

    config: ScoreConfig
    group_columns: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        groups = tuple(Column(name, "string") for name in self.group_columns)
        return (
            Table(SCORE.name, SCORE.columns + groups),
            Table(SEGMENTS.name, SEGMENTS.columns + self._token_columns()),
        )

    @property
    def wants(self) -> Wants:
        return Wants(window=window_of(self.config.context_policy))

    def open(self, document: Document) -> "ScoreAccumulator":
        return ScoreAccumulator(self, document)

    def restore(self, document: Document, saved: Arrays) -> "ScoreAccumulator":
        accumulator = ScoreAccumulator(self, document)
        accumulator.segment = Segment.restore(taken_from(saved, "segment"))
        [accumulator.num_segments] = saved["num_segments"].tolist()
        [accumulator.nll] = saved["nll"].tolist()
        return accumulator

    def sums(self, table: str, row: Row) -> dict[str, float]:
        if table != SCORE.name:
            return {}
        summed = {name: _number(row[name]) for name in SUMMED}
        return {**summed, "num_documents": 1}

    def _token_columns(self) -> tuple[Column, ...]:
        ids = (Column("token_ids", "list<int32>"),) if self.config.token_ids else ()
        nll = (Column("token_nll", "list<float32>"),) if self.config.token_nll else ()
        return ids + nll


class ScoreAccumulator:
    """The score job's memory for one document: at most one segment of tokens.

    A segment's nats are the correctly rounded sum (``math.fsum``) of its tokens' float32 nats; a
    document's are its segments' added up in order, in float64. Neither knows how chunks were cut.
    """

    def __init__(self, job: ScoreJob, document: Document) -> None:
        self.job = job
        self.document = document
        self.segment = Segment()
        self.num_segments = 0
        self.nll = 0.0

    def followers(self, reader: Reader, key: object) -> list[Sequence]:
        return []

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        rows: list[TableRow] = []
        tokens, nll = chunk.tokens, chunk.nll
        while len(tokens):
            room = self.job.config.segment_tokens - self.segment.num_tokens
            self.segment.add(tokens[:room], nll[:room])
            tokens, nll = tokens[room:], nll[room:]
            if self.segment.num_tokens == self.job.config.segment_tokens:
                rows.append(self._close_segment())
        return rows

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        last = [self._close_segment()] if self.segment.num_tokens else []
        return [*last, (SCORE.name, self._document_row(counts))]

    def save(self) -> Arrays:
        return {
            **inside("segment", self.segment.save()),
            "num_segments": whole(self.num_segments),
            "nll": np.array([self.nll], np.float64),
        }

    def _close_segment(self) -> TableRow:
        segment, nll = self.segment, self.segment.nll
        row = self._segment_row(segment, nll)
        self.segment = segment.successor()
        self.num_segments += 1
        self.nll += nll
        return SEGMENTS.name, row

    def _segment_row(self, segment: Segment, nll: float) -> Row:
        row: Row = {
            "document_id": self.document.document_id,
            "source": self.document.source,
            "segment_index": self.num_segments,
            "token_start": segment.token_start,
            "num_tokens": segment.num_tokens,
            "byte_start": segment.byte_start,
            "num_bytes": segment.byte_end - segment.byte_start,
            "nll": nll,
        }
        if self.job.config.token_ids:
            row["token_ids"] = segment.token_ids
        if self.job.config.token_nll:
            row["token_nll"] = segment.token_nll
        return row

    def _document_row(self, counts: TextCounts) -> Row:
        num_tokens = self.segment.token_start
        row: Row = {
            "document_id": self.document.document_id,
            "source": self.document.source,
            "source_row": self.document.source_row,
            "num_bytes": counts.num_bytes,
            "num_chars": counts.num_chars,
            "num_words": counts.num_words,
            "num_tokens": num_tokens,
            "nll": self.nll,
            "context_policy": self.job.config.context_policy,
            "status": "ok" if num_tokens else "empty",
        }
        total = NllSum(self.nll, num_tokens, counts.num_bytes, counts.num_words)
        groups = zip(self.job.group_columns, self.document.groups, strict=True)
        return row | _ratios(total) | dict(groups)


def _ratios(total: NllSum) -> Row:
    return {
        "bits_per_byte": total.bits_per_byte,
        "perplexity": total.perplexity,
        "word_perplexity": total.word_perplexity,
        "byte_perplexity": total.byte_perplexity,
    }


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value

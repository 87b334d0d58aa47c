"""The embed job: vectors of documents and their segments, each aware of all that stands before."""

from collections.abc import Iterator
from dataclasses import dataclass

from longriver.engine.checkpoint import NetworkShape
from longriver.engine.embedding.form import Form, check_truncate_dim
from longriver.engine.embedding.pool import Pool, check_layer
from longriver.engine.embedding.texts import wants_of
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import Wants
from longriver.jobs import embed_tables
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.embed_segments import OpenSegments
from longriver.pipeline.document import Document
from longriver.pipeline.job import Reader, TableRow
from longriver.pipeline.spool import Spool
from longriver.pipeline.table import Row, Table

SUMMED = ("num_tokens", "num_bytes")


@dataclass(frozen=True)
class EmbedJob:
    """Writes the tables ``embed`` and ``embed_segments``.

    width: of the network.
    """

    config: EmbedConfig
    group_columns: tuple[str, ...]
    width: int

    @staticmethod
    def fitting(
        config: EmbedConfig, group_columns: tuple[str, ...], shape: NetworkShape, place: str = "job"
    ) -> "EmbedJob":
        """Raises OrderError where the network is smaller than the order has it."""
        check_layer(config.layer, shape.num_layers, config.pooling, f"{place}.layer")
        check_truncate_dim(
            config.truncate_dim, shape.width, config.precision, f"{place}.truncate_dim"
        )
        return EmbedJob(config, group_columns, shape.width)

    @property
    def form(self) -> Form:
        config = self.config
        return Form(config.truncate_dim, config.normalize, config.precision)

    @property
    def tables(self) -> tuple[Table, ...]:
        vector_type = f"list<{self.form.number_type}>[{self.form.length(self.width)}]"
        return embed_tables.tables(self.config, self.group_columns, vector_type)

    @property
    def wants(self) -> Wants:
        return wants_of(self.config.pooling, self.config.layer)

    def open(self, document: Document) -> "EmbedAccumulator":
        return EmbedAccumulator(self, document)

    def restore(self, document: Document, saved: Arrays) -> "EmbedAccumulator":
        return EmbedAccumulator(self, document, saved)

    def sums(self, table: str, row: Row) -> dict[str, float]:
        if table == embed_tables.SEGMENTS:
            return {"num_segments": 1}
        if table != embed_tables.EMBED:
            return {}
        summed = {name: _number(row[name]) for name in SUMMED}
        return {**summed, "num_documents": 1}


class EmbedAccumulator:
    """The embed job's memory for one document: what its pool and its open segment have come to.

    Args:
        saved: what another one had come to. Of a second reading nothing is: it begins anew.
    """

    def __init__(self, job: EmbedJob, document: Document, saved: Arrays | None = None) -> None:
        self.job, self.document = job, document
        self.pool = Pool(job.config.pooling, job.config.layer)
        self.vector = job.form.nothing(job.width)
        self.segments = self._open_segments(saved)
        if saved is not None:
            self.pool.restore(taken_from(saved, "pool"))
        self.spool = Spool()
        self.second: Sequence | None = None
        if job.config.passes == 2:
            document.listeners.append(self.spool.write)
        elif self.segments is not None:
            document.listeners.append(self.segments.text.hear)
            document.cuts = self._cuts

    def followers(self, reader: Reader, key: object) -> list[Sequence]:
        """The second reading, of which the vectors then are."""
        if self.job.config.passes == 1:
            return []
        self.second = reader.sequence(key, self._chunks_again(), wants=self.job.wants)
        self.second.cuts = self._cuts
        return [self.second]

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        if self.second is not None and chunk.sequence is not self.second:
            return []
        self.pool.add(len(chunk.read), chunk.hidden)
        if chunk.is_last and self.pool.num_tokens:
            self.vector = self.job.form.of(self.pool.vector(chunk.state))
        return list(self._segment_rows(chunk))

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        job = self.job
        row = embed_tables.document_row(
            job.config, job.group_columns, self.document, counts, self.pool.num_tokens, self.vector
        )
        return [(embed_tables.EMBED, row)]

    def save(self) -> Arrays:
        segments = {} if self.segments is None else inside("segments", self.segments.save())
        return {**inside("pool", self.pool.save()), **segments}

    @property
    def _cuts(self) -> OpenSegments | None:
        """States are there only where the engine is told to cut."""
        segments = self.segments
        return segments if segments is not None and segments.cuts_reading else None

    def _open_segments(self, saved: Arrays | None) -> OpenSegments | None:
        if self.job.config.vectors == "documents":
            return None
        inner = None if saved is None else taken_from(saved, "segments")
        job, spans = self.job, self.document.spans
        return OpenSegments(job.config, job.form, job.width, spans, inner)

    def _segment_rows(self, chunk: ScoredChunk) -> Iterator[TableRow]:
        if self.segments is None or not len(chunk.read):
            return
        for segment, vector in self.segments.update(chunk):
            row = embed_tables.segment_row(self.job.config, self.document, segment, vector)
            yield embed_tables.SEGMENTS, row

    def _chunks_again(self) -> Iterator[bytes]:
        for chunk in self.spool.read():
            if self.segments is not None:
                self.segments.text.hear(chunk)
            yield chunk


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value

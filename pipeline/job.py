"""What a job is to the pipeline: tables, and an accumulator for every document."""

from collections.abc import Iterable
from typing import Protocol

from longriver.engine.candidate import CandidateSequence
from longriver.engine.generate.texts import Writer
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import Wants
from longriver.pipeline.document import Document
from longriver.pipeline.table import Row, Table

TableRow = tuple[str, Row]
"""A row and the name of the table it belongs to."""


class Reader(Writer, Protocol):
    """What the pipeline asks of ``longriver.engine.engine.Engine``."""

    def candidates(
        self, key: object, context: bytes, texts: Iterable[bytes]
    ) -> list[CandidateSequence]: ...


class Accumulator(Protocol):
    """A job's memory for one document; its size does not depend on the document's."""

    def followers(self, reader: Reader, key: object) -> Iterable[Sequence]:
        """What is to be read behind the document, each from where it ends; asked for once.

        Their chunks come to ``update`` too, those of different ones interleaved.
        """
        ...

    def update(self, chunk: ScoredChunk) -> Iterable[TableRow]:
        """Takes the next chunk; returns the rows that are now complete."""
        ...

    def finalize(self, counts: TextCounts) -> Iterable[TableRow]:
        """Returns the last rows, when document and followers have been read to their ends."""
        ...

    def save(self) -> Arrays:
        """All that it remembers between two chunks, to the bit, for ``Job.restore``."""
        ...


class Job(Protocol):
    """An order's work on each document. Stateless, small and picklable."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The result tables, the one with a row for every document first."""
        ...

    @property
    def wants(self) -> Wants:
        """What the chunks are to bring."""
        ...

    def open(self, document: Document) -> Accumulator: ...

    def restore(self, document: Document, saved: Arrays) -> Accumulator:
        """The accumulator that was saved when so much of the document had been read."""
        ...

    def sums(self, table: str, row: Row) -> dict[str, float]:
        """What a row adds to the shard's sums."""
        ...

"""A document that an attempt has in the engine."""

from collections.abc import Iterator
from dataclasses import dataclass

from longriver.engine.errors import DocumentError
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounter
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.document_snapshots import DocumentSnapshots
from longriver.pipeline.job import Accumulator

WORTH_TOKENS = 1024


@dataclass(slots=True)
class Opened:
    """A document with what is known of it so far.

    index:     its place among the shard's documents and dead letters.
    snapshots: None where none are taken.
    sequence:  what the engine reads.
    num_open:  sequences that are not read to their ends: the document, then its followers.
    """

    index: int
    document: Document
    counter: TextCounter
    accumulator: Accumulator
    snapshots: DocumentSnapshots | None
    sequence: Sequence | None = None
    num_tokens: int = 0
    num_bytes: int = 0
    num_open: int = 1

    @property
    def is_worth_saving(self) -> bool:
        """Whether what has been read of it is worth more than a few files.

        Behind its end no snapshot can be taken: what follows it is read anew from there.
        """
        if self.snapshots is None or self.sequence is None or self.sequence.is_done:
            return False
        return self.num_tokens >= WORTH_TOKENS

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The document's bytes, counted as they are read."""
        for chunk in self.document.chunks:
            self.counter.update(chunk)
            for listen in self.document.listeners:
                listen(chunk)
            yield chunk

    def end(self) -> None:
        """Puts an end to its snapshots."""
        if self.snapshots is not None:
            self.snapshots.abort()


def drain(document: Document) -> None:
    """Reads a broken document to its end, so that its rows are counted and the next can come."""
    try:
        for _ in document.chunks:
            pass
    except DocumentError:
        return


def letter(document: Document, error: DocumentError) -> DeadLetter:
    """What is said of a document that could not be done."""
    return DeadLetter(
        document.document_id,
        document.source,
        document.source_row,
        document.num_rows,
        error.reason,
        error.detail,
    )

"""What travels through the pipeline: a document on its way in, a dead letter on its way out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from longriver.engine.sequence import Cuts

Spans = tuple[tuple[int, int], ...]
"""Begins and ends, in bytes."""

CHUNK_BYTES = 1 << 18
"""Largest piece, in bytes, that ``Document.chunks`` yields."""

Field = str | tuple[str, ...]
"""A cell that a job takes as it is. Bytes that are not UTF-8 are surrogate escapes in it."""


@dataclass(slots=True)
class Document:
    """One input text of any length.

    document_id: the id column's value, or a position id (`file:row_group:row`, `file:row`, `file`).
    source:      the file it came from, as a path or URL.
    source_row:  the row number within the file of its first row, from 0.
    groups:      the values of ``data.group_columns`` as text, None where null.
    chunks:      its raw bytes (UTF-8, not validated) in pieces of at most ``CHUNK_BYTES``, read
                 once. Raises ``DocumentError`` when the rest of the text cannot be read.
    spans:       stretches of its bytes that the data name, one behind the other.
    num_rows:    source rows that make up the document, complete only when ``chunks`` is used up.
    listeners:   each is told of the bytes, piece by piece, as they go to the tokenizer.
    cuts:        where the engine has to cut it.
    fields:      the cells of ``DataConfig.field_columns``, by column.
    """

    document_id: str
    source: str
    source_row: int
    groups: tuple[str | None, ...]
    chunks: Iterator[bytes | memoryview]
    num_rows: int = 1
    spans: Spans = ()
    listeners: list[Callable[[bytes | memoryview], object]] = field(default_factory=list)
    cuts: Cuts | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not be done: one document, or a stretch of a file that cannot be read.

    num_rows: how many source rows are lost with it (a corrupt file counts its unknown rows as 1).
    """

    document_id: str | None
    source: str
    source_row: int | None
    num_rows: int
    reason: str
    detail: str

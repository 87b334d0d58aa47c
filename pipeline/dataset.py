"""From a shard's pieces to its documents, one at a time."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.formats import arrow, csv, jsonl, parquet, text
from longriver.pipeline.formats.row import Row
from longriver.pipeline.parts import join_parts, slices
from longriver.pipeline.shard import Piece, Shard
from longriver.pipeline.unchanged import while_unchanged

Found = Document | DeadLetter | None

PLACE_BITS = 32
"""No piece has as many documents as this counts."""

MAX_NAME_LENGTH = 1 << 16
"""Longest id or group value, in characters."""

READERS: dict[str, Callable[[Piece, DataConfig], Iterator[Row | DeadLetter]]] = {
    "parquet": parquet.rows,
    "arrow": arrow.rows,
    "csv": csv.rows,
    "jsonl": jsonl.rows,
}


def read_documents(shard: Shard, data: DataConfig) -> Iterator[Found]:
    """Yields every document of a shard in order, and a letter for whatever cannot be read.

    None means that the document before may span rows and must be read further before another
    can be opened; one that is given up must be read to its end all the same. Every planned row
    is in one document or in one letter.
    """
    for _, documents in read_pieces(shard, data):
        yield from documents


def read_pieces(shard: Shard, data: DataConfig) -> Iterator[tuple[int, Iterator[Found]]]:
    """``read_documents`` piece by piece, with the place of each one's first document.

    Places count documents and letters on; those of a piece do not depend on what the pieces before
    it turn out to hold.
    """
    for number, piece in enumerate(shard.pieces):
        yield number << PLACE_BITS, _read_piece(piece, data)


def without_pieces(shard: Shard, places: Iterable[int], problem: str) -> Shard:
    """The shard, the pieces that hold these places being unreadable."""
    numbers = {place >> PLACE_BITS for place in places}
    pieces = enumerate(shard.pieces)
    told = (replace(p, problem=problem) if number in numbers else p for number, p in pieces)
    return replace(shard, pieces=tuple(told))


def _read_piece(piece: Piece, data: DataConfig) -> Iterator[Found]:
    if piece.problem is not None:
        return iter((_unreadable(piece, piece.problem),))
    options, max_bytes = data.storage_options, data.max_document_bytes
    if piece.format == "text":
        chunks = while_unchanged(text.chunks(piece, options), piece, options)
        document = Document(piece.name, piece.source, 0, (), chunks)
        return iter((_limited(document, max_bytes),))
    rows = (_named(row, piece.source) for row in READERS[piece.format](piece, data))
    if data.part_column is not None:
        found = (_limited(each, max_bytes) for each in join_parts(rows, piece.source))
        return while_unchanged(found, piece, options)
    return while_unchanged(_one_a_row(rows, piece.source, max_bytes), piece, options)


def _one_a_row(
    rows: Iterable[Row | DeadLetter], source: str, max_bytes: int | None
) -> Iterator[Found]:
    for row in rows:
        if isinstance(row, DeadLetter):
            yield row
        elif isinstance(row.text, DocumentError):
            reason, detail = row.text.reason, row.text.detail
            yield DeadLetter(_id(row), source, row.row, 1, reason, detail)
        elif max_bytes is not None and len(row.text) > max_bytes:
            error = _too_long(max_bytes)
            yield DeadLetter(_id(row), source, row.row, 1, error.reason, error.detail)
        else:
            chunks = slices(row.text)
            yield Document(
                _id(row),
                source,
                row.row,
                row.groups,
                chunks,
                spans=row.spans,
                fields=row.fields,
            )


def _limited(found: Found, max_bytes: int | None) -> Found:
    """Has a document fail where its text goes on beyond ``data.max_document_bytes``."""
    if isinstance(found, Document) and max_bytes is not None:
        found.chunks = _up_to(found.chunks, max_bytes)
    return found


def _up_to(chunks: Iterator[bytes | memoryview], max_bytes: int) -> Iterator[bytes | memoryview]:
    """Closes the chunks of a document that is too long, which counts the rows that are left."""
    assert isinstance(chunks, Generator)
    num_bytes = 0
    with contextlib.closing(chunks):
        for chunk in chunks:
            num_bytes += len(chunk)
            if num_bytes > max_bytes:
                break
            yield chunk
    if num_bytes > max_bytes:
        raise _too_long(max_bytes)


def _too_long(max_bytes: int) -> DocumentError:
    return DocumentError("too_large", f"its text has more than data.max_document_bytes={max_bytes}")


def _named(row: Row | DeadLetter, source: str) -> Row | DeadLetter:
    """Buries a row whose id or groups, which results repeat, are no names but texts."""
    if isinstance(row, DeadLetter):
        return row
    length = max(len(name) for name in (row.document_id, *row.groups, "") if name is not None)
    if length <= MAX_NAME_LENGTH:
        return row
    detail = f"an id or group value of {length} characters, at most {MAX_NAME_LENGTH} are carried"
    return DeadLetter(row.position, source, row.row, 1, "too_large", detail)


def _id(row: Row) -> str:
    return row.position if row.document_id is None else row.document_id


def _unreadable(piece: Piece, problem: str) -> DeadLetter:
    reason, _, detail = problem.partition(": ")
    return DeadLetter(None, piece.source, None, piece.num_rows or 1, reason, detail)

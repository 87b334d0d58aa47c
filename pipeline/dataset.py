"""From a shard's pieces to its documents, one at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter, Document
from longriver.pipeline.formats import arrow, csv, jsonl, parquet, text
from longriver.pipeline.formats.row import Row
from longriver.pipeline.parts import join_parts, slices
from longriver.pipeline.shard import Piece, Shard

Found = Document | DeadLetter | None

PLACE_BITS = 32
"""No piece has as many documents as this counts."""

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
    if piece.format == "text":
        chunks = text.chunks(piece, data.storage_options)
        return iter((Document(piece.name, piece.source, 0, (), chunks),))
    rows = READERS[piece.format](piece, data)
    if data.part_column is not None:
        return join_parts(rows, piece.source)
    return _one_a_row(rows, piece.source)


def _one_a_row(rows: Iterable[Row | DeadLetter], source: str) -> Iterator[Found]:
    for row in rows:
        if isinstance(row, DeadLetter):
            yield row
        elif isinstance(row.text, DocumentError):
            reason, detail = row.text.reason, row.text.detail
            yield DeadLetter(_id(row), source, row.row, 1, reason, detail)
        else:
            yield Document(_id(row), source, row.row, row.groups, slices(row.text))


def _id(row: Row) -> str:
    return row.position if row.document_id is None else row.document_id


def _unreadable(piece: Piece, problem: str) -> DeadLetter:
    reason, _, detail = problem.partition(": ")
    return DeadLetter(None, piece.source, None, piece.num_rows or 1, reason, detail)

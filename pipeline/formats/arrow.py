"""Arrow IPC (Feather version 2): the file format, and the stream format without an index."""

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.ipc as ipc

from longriver.pipeline.damage import is_damage
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.batches import (
    BATCH_ROWS,
    check_schema,
    rows_of,
)
from longriver.pipeline.formats.columns import expect_columns
from longriver.pipeline.formats.ranges import Group, cut_groups, pieces_of
from longriver.pipeline.formats.row import Row, salvage
from longriver.pipeline.formats.starts import DocumentStarts
from longriver.pipeline.opening import open_arrow
from longriver.pipeline.shard import Piece

FILE_MAGIC = b"ARROW1"


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """Cuts a file into record batches and ranges of large ones.

    The lengths of batches lie beside them and not in an index, so the text column is passed
    over once. A batch that cannot be read counts as one row.
    """
    with open_arrow(file.source, file.options) as opened:
        check_schema(data, file, _schema(opened))
        groups: list[Group] = []
        starts = DocumentStarts()
        for batch in _batches_or_none(opened, _scanned_columns(data)):
            groups.append(_group(batch, data.text_columns))
            if batch is None:
                starts.skip(1)
            elif data.part_column is not None:
                starts.add([batch.column(data.id_column)])
    firsts = starts.rows() if data.part_column is not None else None
    return pieces_of(file, "arrow", groups, cut_groups(groups, max_bytes, max_rows, firsts))


def rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    """Reads a piece; a damaged batch costs the rest of the piece."""
    with open_arrow(piece.source, data.storage_options) as opened:
        yield from salvage(_rows(opened, piece, data), piece, piece.row_start, piece.num_rows)


def _rows(opened: pa.NativeFile, piece: Piece, data: DataConfig) -> Iterator[Row]:
    expect_columns(data, _schema(opened).names)
    row, skip = piece.row_start, piece.skip
    for group, batch in enumerate(_batches(opened, data.all_columns, piece.start), piece.start):
        if group == piece.end:
            return
        for first in range(skip, len(batch), BATCH_ROWS):
            part = batch.slice(first, BATCH_ROWS)
            yield from rows_of(part, piece, data, group, first, row)
            row += len(part)
        skip = 0


def _batches(opened: pa.NativeFile, columns: list[str], start: int) -> Iterator[pa.RecordBatch]:
    """Yields the record batches from number ``start`` on, with these columns only."""
    for batch in _unchecked_batches(opened, columns, start):
        batch.validate()
        yield batch


def _unchecked_batches(
    opened: pa.NativeFile, columns: list[str], start: int
) -> Iterator[pa.RecordBatch]:
    fields = sorted(_schema(opened).get_field_index(name) for name in columns)
    options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    if _is_file(opened):
        indexed = ipc.open_file(opened, options=options)
        yield from (indexed.get_batch(i) for i in range(start, indexed.num_record_batches))
    else:
        yield from itertools.islice(ipc.open_stream(opened, options=options), start, None)


def _batches_or_none(opened: pa.NativeFile, columns: list[str]) -> Iterator[pa.RecordBatch | None]:
    """Yields every batch, None for one that is damaged; behind it a stream cannot be read."""
    index, goes_on = 0, True
    while goes_on:
        goes_on = False
        try:
            for batch in _batches(opened, columns, index):
                yield batch
                index += 1
        except Exception as error:
            if not is_damage(error):
                raise
            yield None
            index += 1
            goes_on = _is_file(opened) and index < ipc.open_file(opened).num_record_batches


def _scanned_columns(data: DataConfig) -> list[str]:
    if data.part_column is None or data.id_column is None:
        return list(data.text_columns)
    return [*data.text_columns, data.id_column]


def _group(batch: pa.RecordBatch | None, columns: Sequence[str]) -> Group:
    if batch is None:
        return Group(1, 0)
    return Group(len(batch), sum(batch.column(c).get_total_buffer_size() for c in columns))


def _schema(opened: pa.NativeFile) -> pa.Schema:
    return (ipc.open_file if _is_file(opened) else ipc.open_stream)(opened).schema


def _is_file(opened: pa.NativeFile) -> bool:
    opened.seek(0)
    magic = opened.read(len(FILE_MAGIC))
    opened.seek(0)
    return bool(magic == FILE_MAGIC)

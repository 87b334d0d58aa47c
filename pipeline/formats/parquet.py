"""Parquet: planned from the footer, read a row group's batch at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from longriver.pipeline.damage import Damaged, is_damage
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.batches import (
    BATCH_BYTES,
    BATCH_ROWS,
    check_schema,
    rows_of,
)
from longriver.pipeline.formats.column_sizes import column_sizes
from longriver.pipeline.formats.columns import expect_columns
from longriver.pipeline.formats.ranges import Group, Rows, check_rows, cut_groups, pieces_of
from longriver.pipeline.formats.row import Row, salvage
from longriver.pipeline.formats.starts import DocumentStarts
from longriver.pipeline.opening import open_arrow
from longriver.pipeline.shard import Piece

READ_AHEAD = 1 << 20
"""Bytes read at once from a column; without it Arrow loads a row group's column whole."""

REPEATED_BYTES = 64 << 20
"""Most text in a batch whose rows are all the largest of their dictionary, held row by row."""

BATCH_ROWS_OF_LISTS = 64
"""Most rows of a batch with lists, of which a few bytes may say "the same again" as well."""

END_BYTES = 8
"""A file ends with the footer, its length in four bytes, and four of magic."""


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """Cuts a file into row groups and ranges of large ones, from its footer alone."""
    with open_arrow(file.source, file.options) as opened, _parquet(opened) as parquet:
        check_schema(data, file, parquet.schema_arrow)
        groups = _groups(parquet, data.text_columns, _footer(opened))
        check_rows(groups, opened.size())
        starts = None if data.part_column is None else _starts(parquet, data.id_column)
        return pieces_of(file, "parquet", groups, cut_groups(groups, max_bytes, max_rows, starts))


def rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    """Reads a piece; a damaged row group costs the rest of its rows and no others."""
    return salvage(_rows(piece, data), piece, piece.row_start, piece.num_rows)


def _rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    assert piece.num_rows is not None
    with open_arrow(piece.source, data.storage_options) as opened, _parquet(opened) as parquet:
        expect_columns(data, parquet.schema_arrow.names)
        row, left, skip = piece.row_start, piece.num_rows, piece.skip
        for group in range(piece.start, min(piece.end, parquet.num_row_groups)):
            here = max(0, min(left, parquet.metadata.row_group(group).num_rows - skip))
            batches = _batches(opened, parquet, piece, data, group)
            found = _group_rows(batches, piece, data, group, skip, row)
            yield from salvage(found, piece, row, here)
            row, left, skip = row + here, left - here, 0


def _parquet(opened: pa.NativeFile, **how: object) -> pq.ParquetFile:
    return pq.ParquetFile(
        opened, pre_buffer=False, buffer_size=READ_AHEAD, page_checksum_verification=True, **how
    )


def _batches(
    opened: pa.NativeFile, parquet: pq.ParquetFile, piece: Piece, data: DataConfig, group: int
) -> Iterator[pa.RecordBatch]:
    """Yields the batches of a row group; where a batch would repeat large texts, it refers to them.

    A few bytes say "the same again" any number of times, so neither the footer nor the size of
    the file tells how large a batch becomes. References alone would do, but cost several times as
    much where every text is another.
    """
    batch_rows = _batch_rows(piece, any(field.is_list for field in data.field_columns))
    if batch_rows > 1:
        names = _text_leaves(parquet, data.text_columns)
        with _parquet(opened, metadata=parquet.metadata, read_dictionary=names) as referring:
            if _largest_repeated(referring, data.text_columns, group) * batch_rows > REPEATED_BYTES:
                parquet = referring
            yield from _read(parquet, group, data.all_columns, batch_rows)
    else:
        yield from _read(parquet, group, data.all_columns, batch_rows)


def _read(
    parquet: pq.ParquetFile, group: int, columns: list[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    found: Iterator[pa.RecordBatch] = parquet.iter_batches(
        batch_size=batch_rows, row_groups=[group], columns=columns, use_threads=False
    )
    return found


def _largest_repeated(referring: pq.ParquetFile, names: Sequence[str], group: int) -> int:
    """The size of the largest text in a row group's dictionaries, which come with the first row."""
    first = next(_read(referring, group, list(names), 1), None)
    return 0 if first is None else max(map(_largest_in, first.columns))


def _largest_in(column: pa.Array) -> int:
    if pa.types.is_list(column.type):
        return _largest_in(column.values)
    if not pa.types.is_dictionary(column.type):
        return 0
    sizes = pc.binary_length(column.dictionary)
    return int(pc.max(sizes).as_py() or 0)


def _group_rows(
    batches: Iterator[pa.RecordBatch],
    piece: Piece,
    data: DataConfig,
    group: int,
    skip: int,
    first_row: int,
) -> Iterator[Row]:
    """Yields the rows of a row group from ``skip`` on; that one is ``first_row`` of the file."""
    position = 0
    for batch in batches:
        behind = position + len(batch)
        if behind > skip:
            first = max(position, skip)
            part = batch.slice(first - position)
            yield from rows_of(part, piece, data, group, first, first_row + first - skip)
        position = behind


def _batch_rows(piece: Piece, has_lists: bool) -> int:
    average = piece.num_bytes // max(piece.num_rows or 1, 1)
    most = BATCH_ROWS_OF_LISTS if has_lists else BATCH_ROWS
    return max(1, min(most, BATCH_BYTES // max(average, 1)))


def _footer(opened: pa.NativeFile) -> bytes:
    """The footer as it is stored; pyarrow has found it whole."""
    opened.seek(opened.size() - END_BYTES)
    num_bytes = int.from_bytes(opened.read(4), "little")
    opened.seek(opened.size() - END_BYTES - num_bytes)
    return bytes(opened.read(num_bytes))


def _groups(parquet: pq.ParquetFile, columns: Sequence[str], footer: bytes) -> list[Group]:
    found = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    if sum(found) != parquet.metadata.num_rows:
        raise Damaged("the footer's row counts disagree")
    leaves = [_leaf(parquet, column) for column in columns]
    sizes = [column_sizes(footer, leaf, len(found)) for leaf in leaves]
    return [Group(num_rows, sum(s[i] for s in sizes)) for i, num_rows in enumerate(found)]


def _leaf(parquet: pq.ParquetFile, column: str) -> int:
    """The place of a top-level column, or of what is in its lists, among the schema's leaves."""
    schema = parquet.schema
    return next(i for i in range(len(schema)) if _is_of(schema.column(i), column))


def _text_leaves(parquet: pq.ParquetFile, columns: Sequence[str]) -> list[str]:
    """The paths of those columns that hold texts, which can be had as references."""
    leaves = (parquet.schema.column(_leaf(parquet, column)) for column in columns)
    return [
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"
    ]


def _is_of(leaf: pq.ColumnSchema, column: str) -> bool:
    is_list = leaf.max_repetition_level > 0
    return bool(leaf.path == column or (is_list and leaf.path.startswith(f"{column}.")))


def _starts(parquet: pq.ParquetFile, id_column: str | None) -> Rows:
    starts = DocumentStarts()
    for group in range(parquet.num_row_groups):
        try:
            batches = list(parquet.iter_batches(row_groups=[group], columns=[id_column]))
        except Exception as error:
            if not is_damage(error):
                raise
            starts.skip(parquet.metadata.row_group(group).num_rows)
        else:
            starts.add(batch.column(0) for batch in batches)
    return starts.rows()

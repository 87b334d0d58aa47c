"""Parquet: planned from the footer, read a row group's batch at a time."""

import contextlib
from collections.abc import Iterator

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
    wanted_columns,
)
from longriver.pipeline.formats.columns import expect_columns
from longriver.pipeline.formats.ranges import Group, Rows, cut_groups, pieces_of
from longriver.pipeline.formats.row import Row, salvage
from longriver.pipeline.formats.starts import DocumentStarts
from longriver.pipeline.opening import open_arrow
from longriver.pipeline.shard import Piece

READ_AHEAD = 1 << 20
"""Bytes read at once from a column; without it Arrow loads a row group's column whole."""


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """Cuts a file into row groups and ranges of large ones, from its footer alone."""
    with _open(file.source) as parquet:
        check_schema(data, file, parquet.schema_arrow)
        groups = _groups(parquet, data.text_column)
        starts = None if data.part_column is None else _starts(parquet, data.id_column)
        return pieces_of(file, "parquet", groups, cut_groups(groups, max_bytes, max_rows, starts))


def rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    """Reads a piece; a damaged row group costs the rest of its rows and no others."""
    return salvage(_rows(piece, data), piece, piece.row_start, piece.num_rows)


def _rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    assert piece.num_rows is not None
    with _open(piece.source) as parquet:
        expect_columns(data, parquet.schema_arrow.names)
        row, left, skip = piece.row_start, piece.num_rows, piece.skip
        for group in range(piece.start, min(piece.end, parquet.num_row_groups)):
            here = max(0, min(left, parquet.metadata.row_group(group).num_rows - skip))
            found = _group_rows(parquet, piece, data, group, skip, row)
            yield from salvage(found, piece, row, here)
            row, left, skip = row + here, left - here, 0


@contextlib.contextmanager
def _open(source: str) -> Iterator[pq.ParquetFile]:
    with (
        open_arrow(source) as file,
        pq.ParquetFile(
            file, pre_buffer=False, buffer_size=READ_AHEAD, page_checksum_verification=True
        ) as parquet,
    ):
        yield parquet


def _group_rows(
    parquet: pq.ParquetFile, piece: Piece, data: DataConfig, group: int, skip: int, first_row: int
) -> Iterator[Row]:
    """Yields the rows of a row group from ``skip`` on; that one is ``first_row`` of the file."""
    position = 0
    batches = parquet.iter_batches(
        batch_size=_batch_rows(piece),
        row_groups=[group],
        columns=wanted_columns(data),
        use_threads=False,
    )
    for batch in batches:
        behind = position + len(batch)
        if behind > skip:
            first = max(position, skip)
            part = batch.slice(first - position)
            yield from rows_of(part, piece, data, group, first, first_row + first - skip)
        position = behind


def _batch_rows(piece: Piece) -> int:
    average = piece.num_bytes // max(piece.num_rows or 1, 1)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(average, 1)))


def _groups(parquet: pq.ParquetFile, column: str) -> list[Group]:
    leaf = _leaf(parquet, column)
    found = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
    if sum(group.num_rows for group in found) != parquet.metadata.num_rows:
        raise Damaged("the footer's row counts disagree")
    return [Group(each.num_rows, each.column(leaf).total_uncompressed_size) for each in found]


def _leaf(parquet: pq.ParquetFile, column: str) -> int:
    """The place of a top-level column among the leaves of the schema."""
    schema = parquet.schema
    return next(i for i in range(len(schema)) if schema.column(i).path == column)


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

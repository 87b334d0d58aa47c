"""CSV as RFC 4180 has it: commas, quotes and a header; an empty id or group cell is null."""

import csv
import functools
import sys
from collections.abc import Iterator

import numpy as np

from longriver.pipeline.damage import Damaged, TooLarge, reason_of
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.boundaries import BLANK, QUOTED, Line, LongLine, csv_ends
from longriver.pipeline.formats.columns import (
    expect_columns,
    refuse_lists,
    refuse_spans,
    require_columns,
)
from longriver.pipeline.formats.fields import of_cells, with_fields
from longriver.pipeline.formats.lines import (
    cut_documents,
    cut_lines,
    first_lines,
    is_whole,
    mark_bytes,
    piece_records,
    pieces_between,
    too_long,
    whole_piece,
)
from longriver.pipeline.formats.row import Row, salvage, unreadable_row
from longriver.pipeline.formats.unicode import printable, to_bytes, to_str
from longriver.pipeline.shard import Piece
from longriver.pipeline.storage_options import StorageOptions

# The standard 128 KiB a field is no limit for documents; it is one for the whole process.
csv.field_size_limit(sys.maxsize)

MAX_HEADER_BYTES = 1 << 20
"""Longest header."""


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """Cuts the bytes behind the header at record ends; a compressed file is one piece."""
    header, begin = _header(file.source, file.options)
    require_columns(data, file, header)
    refuse_spans(data, file)
    refuse_lists(data, file)
    whole = whole_piece(file, "csv")
    if is_whole(file.name):
        return [whole]
    cuts = cut_lines(file, begin, csv_ends, max_bytes, max_rows)
    if data.part_column is not None:
        read_row = functools.partial(_row, piece=whole, data=data, header=header)
        cuts = cut_documents(cuts, file, csv_ends, read_row)
    return pieces_between(cuts, file, "csv")


def rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    """Reads a piece; a record that does not fit the header costs itself and no other."""
    return salvage(_rows(piece, data), piece, piece.row_start, piece.num_rows)


def _rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    header, _ = _header(piece.source, data.storage_options)
    expect_columns(data, header)
    records = piece_records(piece, csv_ends, data.storage_options)
    if is_whole(piece.name):
        next(records, None)
    for row, record in enumerate(records, piece.row_start):
        yield _row(record, row, piece=piece, data=data, header=header)


def _header(source: str, options: StorageOptions) -> tuple[list[str], int]:
    """Returns the column names, and the bytes of the file up to behind them."""
    num_bytes = mark_bytes(source, options)
    for line in first_lines(source, csv_ends, options, MAX_HEADER_BYTES):
        num_bytes += len(line)
        if isinstance(line, LongLine):
            raise Damaged(f"its header has {len(line)} bytes; is a quote never closed?")
        if line not in BLANK:
            return [printable(name) for name in _fields(line)], num_bytes
    raise Damaged("no header line")


def _row(
    record: Line, row: int, *, piece: Piece, data: DataConfig, header: list[str]
) -> Row | DeadLetter:
    try:
        fields = _fields(record)
    except Damaged as error:
        return unreadable_row(piece, row, reason_of(error, "bad_csv"), str(error))
    if len(fields) != len(header):
        detail = f"{len(fields)} fields where the header has {len(header)}"
        return unreadable_row(piece, row, "bad_csv", detail)
    cells = dict(zip(header, fields, strict=True))
    made = Row(
        row=row,
        position=f"{piece.name}:{row}",
        document_id=_name(cells, data.id_column),
        part=_number(cells, data.part_column),
        groups=tuple(_name(cells, column) for column in data.group_columns),
        text=b"" if data.field_columns else to_bytes(cells[data.text_column]),
    )
    return with_fields(made, of_cells(data.field_columns, cells)) if data.field_columns else made


def _fields(record: Line) -> list[str]:
    if isinstance(record, LongLine):
        raise TooLarge(too_long(record))
    text = to_str(record)
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return _lenient_fields(record, text)


def _lenient_fields(record: bytes, text: str) -> list[str]:
    """Allows text behind a closing quote, as Python's reader does, but no open quote."""
    if csv_ends(np.frombuffer(record, np.uint8), 0)[1] == QUOTED:
        raise Damaged("a quote is opened and never closed")
    if "\r" in text.rstrip("\r\n"):
        raise Damaged("a carriage return outside quotes; lines must end in LF or CR LF")
    try:
        return next(csv.reader([text]))
    except csv.Error as error:
        raise Damaged(str(error)) from error


def _name(cells: dict[str, str], column: str | None) -> str | None:
    return printable(cells[column]) or None if column is not None else None


def _number(cells: dict[str, str], column: str | None) -> int | None:
    try:
        return int(cells[column]) if column is not None else None
    except ValueError:
        return None

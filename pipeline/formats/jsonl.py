"""JSON lines: an object a line; what is not one costs its line."""

import functools
import itertools
import json
from collections.abc import Iterator

from longriver.engine.errors import DocumentError
from longriver.pipeline.damage import Damaged, TooLarge, is_damage, reason_of
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.document import DeadLetter
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.boundaries import BLANK, Line, LongLine, line_ends
from longriver.pipeline.formats.columns import require_columns
from longriver.pipeline.formats.fields import of_object, with_fields
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
from longriver.pipeline.formats.spans import with_spans
from longriver.pipeline.formats.unicode import printable, to_bytes, to_str
from longriver.pipeline.one_line import one_line
from longriver.pipeline.shard import Piece

SAMPLE_LINES, SAMPLE_LINE_BYTES = 100, 1 << 20
"""What is looked at for the keys that there are, longer lines left out; a key absent from all of it
is refused. Many files are looked at together."""


def pieces(file: SourceFile, data: DataConfig, max_bytes: int, max_rows: int) -> list[Piece]:
    """Cuts a file at line ends; a compressed file is one piece."""
    _check_keys(file, data)
    whole = whole_piece(file, "jsonl")
    if is_whole(file.name):
        return [whole]
    begin = mark_bytes(file.source, file.options)
    cuts = cut_lines(file, begin, line_ends, max_bytes, max_rows)
    if data.part_column is not None:
        read_row = functools.partial(_row, piece=whole, data=data)
        cuts = cut_documents(cuts, file, line_ends, read_row)
    return pieces_between(cuts, file, "jsonl")


def rows(piece: Piece, data: DataConfig) -> Iterator[Row | DeadLetter]:
    """Reads a piece; a line that is no object costs itself and no other."""
    records = enumerate(piece_records(piece, line_ends, data.storage_options), piece.row_start)
    found = (_row(record, row, piece=piece, data=data) for row, record in records)
    return salvage(found, piece, piece.row_start, piece.num_rows)


def _check_keys(file: SourceFile, data: DataConfig) -> None:
    keys, error = dict[str, None](), None
    for line in itertools.islice(_undamaged_lines(file), SAMPLE_LINES):
        if isinstance(line, LongLine):
            continue
        try:
            keys |= dict.fromkeys(_object(line))
        except Damaged as damage:
            error = error or damage
    if keys:
        require_columns(data, file, list(keys))
    elif error is not None:
        raise Damaged(f"its first lines are no JSON objects, one a line: {error}")


def _undamaged_lines(file: SourceFile) -> Iterator[Line]:
    """Yields the lines before the first damage, which must not come before the first line."""
    line: Line = b""
    try:
        for line in first_lines(file.source, line_ends, file.options, SAMPLE_LINE_BYTES):
            if line not in BLANK:
                yield line
    except Exception as error:
        if not (line and is_damage(error)):
            raise


def _object(line: Line) -> dict[str, object]:
    """Reads a line; control characters within strings, such as tabs, are let pass."""
    if isinstance(line, LongLine):
        raise TooLarge(too_long(line))
    try:
        found = json.loads(to_str(line), strict=False)
    except (ValueError, RecursionError) as error:
        raise Damaged(one_line(error)) from error
    if not isinstance(found, dict):
        raise Damaged(f"a JSON {type(found).__name__} where an object is expected")
    return found


def _row(line: Line, row: int, *, piece: Piece, data: DataConfig) -> Row | DeadLetter:
    try:
        return _row_of(_object(line), row, piece, data)
    except Damaged as error:
        return unreadable_row(piece, row, reason_of(error, "bad_json"), str(error))


def _row_of(found: dict[str, object], row: int, piece: Piece, data: DataConfig) -> Row:
    part = found.get(data.part_column) if data.part_column is not None else None
    made = Row(
        row=row,
        position=f"{piece.name}:{row}",
        document_id=_name(found.get(data.id_column)) if data.id_column is not None else None,
        part=part if type(part) is int else None,
        groups=tuple(_name(found.get(column)) for column in data.group_columns),
        text=_text(found.get(data.text_column), data.text_column),
    )
    if data.field_columns:
        made = with_fields(made, of_object(data.field_columns, found))
    if data.spans_column is None:
        return made
    return with_spans(made, found.get(data.spans_column), data.spans_column)


def _text(value: object, column: str) -> bytes | DocumentError:
    if value is None:
        return DocumentError("null_text", f"{column} is null or not there")
    if not isinstance(value, str):
        return DocumentError("not_text", f"{column} is a JSON {type(value).__name__}")
    return to_bytes(value)


def _name(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return printable(value)
    try:
        return printable(json.dumps(value, ensure_ascii=False))
    except RecursionError as error:
        raise Damaged(one_line(error)) from error

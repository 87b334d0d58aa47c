"""What Parquet and Arrow share: typed columns, and record batches that become rows."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.types as pt

from longriver.engine.errors import DocumentError, SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.cells import Cell, cells, is_nameable, is_text, strings
from longriver.pipeline.formats.columns import require_columns
from longriver.pipeline.formats.fields import fits as fits_field
from longriver.pipeline.formats.fields import of_batch, with_fields
from longriver.pipeline.formats.fields import wanted as wanted_of_field
from longriver.pipeline.formats.row import Row
from longriver.pipeline.formats.spans import WANTED, is_spans, with_spans
from longriver.pipeline.shard import Piece

BATCH_BYTES = 16 << 20
BATCH_ROWS = 8192


def check_schema(data: DataConfig, file: SourceFile, schema: pa.Schema) -> None:
    """Refuses a file whose schema lacks a named column or has it in a type that cannot be read.

    Raises:
        SourceError: with key, value, file and the way out.
    """
    require_columns(data, file, schema.names)
    for key, name in data.named_columns.items():
        found = schema.field(name).type
        match key:
            case "data.text_column":
                fits, wanted = is_text(found), "text or bytes"
            case "data.part_column":
                fits, wanted = pt.is_integer(found), "a whole number"
            case "data.spans_column":
                fits, wanted = is_spans(found), WANTED
            case _:
                fits, wanted = is_nameable(found), "a number, a time or text"
        if not fits:
            raise SourceError(f"{key}={name} is {found} in {file.source}; it must be {wanted}")
    for field in data.field_columns:
        found = schema.field(field.name).type
        if not fits_field(field, found):
            raise SourceError(
                f"{field.said}: {field.name} is {found} in {file.source}; "
                f"it must be {wanted_of_field(field)}"
            )


def rows_of(
    batch: pa.RecordBatch, piece: Piece, data: DataConfig, group: int, first: int, first_row: int
) -> Iterator[Row]:
    """Yields the rows of a batch.

    Args:
        group: the row group or record batch that it is part of.
        first: where in that group it begins.
        first_row: where in the file it begins.
    """
    nothing: list[None] = [None] * len(batch)
    fields = of_batch(data.field_columns, batch)
    texts: Sequence[Cell] = nothing if data.field_columns else cells(batch.column(data.text_column))
    ids = strings(batch.column(data.id_column)) if data.id_column else nothing
    parts = batch.column(data.part_column).to_pylist() if data.part_column else nothing
    groups = [strings(batch.column(name)) for name in data.group_columns]
    spans = batch.column(data.spans_column).to_pylist() if data.spans_column else nothing
    for i, text in enumerate(texts):
        row = Row(
            row=first_row + i,
            position=f"{piece.name}:{group}:{first + i}",
            document_id=ids[i],
            part=parts[i],
            groups=tuple(values[i] for values in groups),
            text=_text_or_why_not(text, data),
        )
        row = with_fields(row, next(fields)) if data.field_columns else row
        yield row if data.spans_column is None else with_spans(row, spans[i], data.spans_column)


def _text_or_why_not(cell: Cell, data: DataConfig) -> memoryview | DocumentError:
    if cell is None:
        return DocumentError("null_text", f"{data.text_column} is null")
    return cell

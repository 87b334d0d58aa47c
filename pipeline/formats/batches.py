"""What Parquet and Arrow share: typed columns, and record batches that become rows."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

from longriver.engine.errors import DocumentError, SourceError
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.formats.cells import Cell, cells, is_nameable, is_text, strings
from longriver.pipeline.formats.columns import require_columns
from longriver.pipeline.formats.row import Row
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
            case _:
                fits, wanted = is_nameable(found), "a number, a time or text"
        if not fits:
            raise SourceError(f"{key}={name} is {found} in {file.source}; it must be {wanted}")


def wanted_columns(data: DataConfig) -> list[str]:
    """The columns to read, each once."""
    return list(dict.fromkeys(data.named_columns.values()))


def rows_of(
    batch: pa.RecordBatch, piece: Piece, data: DataConfig, group: int, first: int, first_row: int
) -> Iterator[Row]:
    """Yields the rows of a batch.

    Args:
        group: the row group or record batch that it is part of.
        first: where in that group it begins.
        first_row: where in the file it begins.
    """
    texts = cells(batch.column(data.text_column))
    nothing: list[None] = [None] * len(batch)
    ids = strings(batch.column(data.id_column)) if data.id_column else nothing
    parts = batch.column(data.part_column).to_pylist() if data.part_column else nothing
    groups = [strings(batch.column(name)) for name in data.group_columns]
    for i, text in enumerate(texts):
        yield Row(
            row=first_row + i,
            position=f"{piece.name}:{group}:{first + i}",
            document_id=ids[i],
            part=parts[i],
            groups=tuple(values[i] for values in groups),
            text=_text_or_why_not(text, data),
        )


def _text_or_why_not(cell: Cell, data: DataConfig) -> memoryview | DocumentError:
    if cell is None:
        return DocumentError("null_text", f"{data.text_column} is null")
    return cell

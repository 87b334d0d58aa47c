"""Cells that a job takes as they are: texts and lists of texts, or why a row has none."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.types as pt

from longriver.engine.errors import DocumentError
from longriver.pipeline.data_config import FieldColumn
from longriver.pipeline.document import Field
from longriver.pipeline.formats.cells import cells, is_nameable, is_text, list_bounds
from longriver.pipeline.formats.row import Row
from longriver.pipeline.formats.unicode import to_bytes, to_str

Texts = str | list[str | None] | None
"""A cell, null where there is none."""

Found = Field | DocumentError


def fits(column: FieldColumn, kind: pa.DataType) -> bool:
    """Says whether an Arrow type holds what a column is named for."""
    if not column.is_list:
        return is_nameable(kind)
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return bool(is_list) and is_nameable(kind.value_type)


def wanted(column: FieldColumn) -> str:
    return "a list of texts" if column.is_list else "text or a number"


def with_fields(row: Row, found: Mapping[str, Found]) -> Row:
    """The row, its text being that of its fields; where one cannot be had, why not."""
    for each in found.values():
        if isinstance(each, DocumentError):
            return replace(row, text=each)
    fields = {name: each for name, each in found.items() if not isinstance(each, DocumentError)}
    return replace(row, text=b"".join(map(_bytes, fields.values())), fields=fields)


def of_batch(columns: Sequence[FieldColumn], batch: pa.RecordBatch) -> Iterator[dict[str, Found]]:
    """The fields of every row of a batch, which are not copied before their row comes."""
    readers = {
        column.name: (_list_reader if column.is_list else _text_reader)(batch.column(column.name))
        for column in columns
    }
    for i in range(len(batch)):
        yield {name: _checked(name, read(i)) for name, read in readers.items()}


def of_object(columns: Sequence[FieldColumn], values: Mapping[str, object]) -> dict[str, Found]:
    """The fields of a JSON object."""
    return {column.name: _of_json(column, values.get(column.name)) for column in columns}


def of_cells(columns: Sequence[FieldColumn], values: Mapping[str, str]) -> dict[str, Found]:
    """The fields of a CSV record, in which no cell is null and none a list."""
    return {column.name: values[column.name] for column in columns}


def _bytes(field: Field) -> bytes:
    return to_bytes(field if isinstance(field, str) else "".join(field))


def _checked(name: str, cell: Texts) -> Found:
    if cell is None:
        return DocumentError("null_field", f"{name} is null or not there")
    if isinstance(cell, str):
        return cell
    texts = tuple(text for text in cell if text is not None)
    if len(texts) < len(cell):
        return DocumentError("null_field", f"{name}[{cell.index(None)}] is null")
    return texts


def _of_json(column: FieldColumn, value: object) -> Found:
    if value is None:
        return _checked(column.name, None)
    if column.is_list != isinstance(value, list):
        return _not(wanted(column), column.name, value)
    found: list[str | None] = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, list | dict):
            return _not("text or a number", column.name, each)
        found.append(each if each is None or isinstance(each, str) else json.dumps(each))
    return _checked(column.name, found if column.is_list else found[0])


def _not(expected: str, name: str, value: object) -> DocumentError:
    kind = type(value).__name__
    return DocumentError("not_text", f"{name} is a JSON {kind} where {expected} is expected")


def _text_reader(array: pa.Array) -> Callable[[int], str | None]:
    """What gives the text of a row."""
    if pt.is_dictionary(array.type) and not is_text(array.type):
        array = array.dictionary_decode()
    found = cells(array if is_text(array.type) else array.cast(pa.string()))

    def read(index: int) -> str | None:
        cell = found[index]
        return None if cell is None else to_str(bytes(cell))

    return read


def _list_reader(array: pa.Array) -> Callable[[int], list[str | None] | None]:
    """What gives the texts of a row."""
    values, bounds = list_bounds(array)
    read = _text_reader(values)

    def read_list(index: int) -> list[str | None] | None:
        found = bounds[index]
        return None if found is None else [read(i) for i in range(*found)]

    return read_list

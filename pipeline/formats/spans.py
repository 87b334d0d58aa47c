"""The spans column: where in a row's text the stretches are that a job is asked to look at."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.types as pt

from longriver.engine.errors import DocumentError
from longriver.pipeline.document import Spans
from longriver.pipeline.formats.row import Row

WANTED = "a list of [start, end], bytes of the text"


def is_spans(found: pa.DataType) -> bool:
    """Whether a column's type is lists of lists of whole numbers."""
    return (
        _is_list(found)
        and _is_list(found.value_type)
        and pt.is_integer(found.value_type.value_type)
    )


def with_spans(row: Row, value: object, column: str) -> Row:
    """The row with its spans; one whose spans cannot be has none, and no text."""
    if isinstance(row.text, DocumentError):
        return row
    found = _spans(value, len(row.text))
    if isinstance(found, str):
        return replace(row, text=DocumentError("bad_spans", f"{column}: {found}"))
    return replace(row, spans=found)


def _spans(value: object, num_bytes: int) -> Spans | str:
    """The spans, or what is wrong with them."""
    before = 0
    found: list[tuple[int, int]] = []
    for pair in [] if value is None else value if isinstance(value, list) else [value]:
        if not (isinstance(pair, list) and [type(place) for place in pair] == [int, int]):
            return f"{str(pair)[:40]} is no [start, end]"
        start, end = pair
        if not before <= start < end <= num_bytes:
            return f"[{start}, {end}] is not a stretch of bytes {before} to {num_bytes}"
        found.append((start, end))
        before = end
    return tuple(found)


def _is_list(found: pa.DataType) -> bool:
    return bool(pt.is_list(found) or pt.is_large_list(found) or pt.is_fixed_size_list(found))

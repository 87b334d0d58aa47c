"""Result tables in Arrow's words."""

import re
from collections.abc import Mapping

import pyarrow as pa

SCALARS: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "string": pa.string(),
    "int8": pa.int8(),
    "uint8": pa.uint8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}
LIST = re.compile(r"list<(\w+)>(?:\[(\d+)\])?")


def arrow_type(name: str) -> pa.DataType:
    """The type of a column, see ``ColumnType``."""
    if (found := LIST.fullmatch(name)) is None:
        return SCALARS[name]
    length = -1 if found[2] is None else int(found[2])
    return pa.list_(SCALARS[found[1]], length)


def arrow_schema(
    columns: Mapping[str, str], metadata: Mapping[str, str] | None = None
) -> pa.Schema:
    """The schema of columns by name and type; metadata in a fixed order, for equal bytes."""
    fields = [pa.field(name, arrow_type(type_)) for name, type_ in columns.items()]
    return pa.schema(fields, metadata=dict(sorted((metadata or {}).items())))

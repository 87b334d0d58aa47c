"""Result tables in Arrow's words."""

from collections.abc import Mapping

import pyarrow as pa

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "list<int32>": pa.list_(pa.int32()),
    "list<float32>": pa.list_(pa.float32()),
}


def arrow_schema(
    columns: Mapping[str, str], metadata: Mapping[str, str] | None = None
) -> pa.Schema:
    """The schema of columns by name and type; metadata in a fixed order, for equal bytes."""
    fields = [pa.field(name, ARROW_TYPES[type_]) for name, type_ in columns.items()]
    return pa.schema(fields, metadata=dict(sorted((metadata or {}).items())))

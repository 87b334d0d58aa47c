"""The columns of a result table, said without Arrow so that jobs need not know it."""

from dataclasses import dataclass

ColumnType = str
"""A scalar such as ``float64`` or ``string``, ``list<float32>``, or ``list<float32>[768]``, whose
cells all have so many values."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Table:
    """A result table: its folder in the run folder is ``name``."""

    name: str
    columns: tuple[Column, ...]


DEAD = Table(
    "dead",
    (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("source_row", "int64"),
        Column("num_rows", "int64"),
        Column("reason", "string"),
        Column("detail", "string"),
    ),
)

"""The columns of a result table, said without Arrow so that jobs need not know it."""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal[
    "string", "int32", "int64", "float32", "float64", "list<int32>", "list<float32>"
]

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

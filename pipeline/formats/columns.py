"""The columns that an order names, looked for in each file before work starts."""

import difflib
from collections.abc import Sequence

from longriver.engine.errors import SourceError
from longriver.pipeline.damage import Damaged
from longriver.pipeline.data_config import DataConfig
from longriver.pipeline.filesystem import SourceFile


def require_columns(data: DataConfig, file: SourceFile, columns: Sequence[str]) -> None:
    """Refuses a file that lacks a named column, or has two of the name.

    Raises:
        SourceError: with the key, its value, the file and the columns that there are.
    """
    for key, name in data.named_columns.items():
        if name not in columns:
            raise SourceError(_missing(f"{key}={name}", name, file, columns, key))
        if columns.count(name) > 1:
            raise SourceError(f"{key}={name}: {file.source} has {columns.count(name)} such columns")
    for field in data.field_columns:
        if field.name not in columns:
            raise SourceError(_missing(field.said, field.name, file, columns))
        if columns.count(field.name) > 1:
            raise SourceError(f"{field.said}: {file.source} has {field.name} more than once")


def expect_columns(data: DataConfig, columns: Sequence[str]) -> None:
    """Checks again, when a file is read, what was found when it was planned.

    Raises:
        Damaged: a column is gone.
    """
    gone = sorted(set(data.all_columns) - set(columns))
    if gone:
        raise Damaged(f"column {gone[0]} is gone; was the file changed?")


def refuse_columns(data: DataConfig, file: SourceFile) -> None:
    """Refuses an order that names columns other than the text of a plain text file."""
    for field in data.field_columns:
        raise SourceError(
            f"{field.said}: {file.source} is a text file, which has no columns; give a table, "
            "such as JSON lines"
        )
    for key, name in list(data.named_columns.items())[1:]:
        raise SourceError(
            f"{key}={name} means nothing for {file.source}: text files have no columns; drop it"
        )


def refuse_spans(data: DataConfig, file: SourceFile) -> None:
    """Refuses an order that looks for spans where there are no lists."""
    if data.spans_column is not None:
        raise SourceError(
            f"data.spans_column={data.spans_column} cannot be in {file.source}: CSV has no lists; "
            "use JSON lines, Parquet or Arrow"
        )


def refuse_lists(data: DataConfig, file: SourceFile) -> None:
    """Refuses an order that looks for lists where there are none."""
    for field in data.field_columns:
        if field.is_list:
            raise SourceError(
                f"{field.said} cannot be a list in {file.source}: CSV has none; "
                "name a column for each text, or use JSON lines, Parquet or Arrow"
            )


MAX_COMPARED = 10_000
"""Most names that a near miss is looked for among; comparing takes a microsecond or more each."""


def _missing(
    said: str, name: str, file: SourceFile, columns: Sequence[str], key: str | None = None
) -> str:
    """Args: said: what the order says; key: where all that it says is the column's name."""
    close = difflib.get_close_matches(name, columns[:MAX_COMPARED], n=1)
    shown = ", ".join(columns[:20]) + (", …" if columns[20:] else "")
    if close:
        hint = f"; did you mean {close[0] if key is None else f'{key}={close[0]}'}?"
    else:
        hint = f"; set {key} to one of them" if key is not None else "; name one of them"
    what = said if key is not None else f"{said}: {name}"
    return f"{what} is no column of {file.source}, which has: {shown or 'none'}{hint}"

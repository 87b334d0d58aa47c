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
            raise SourceError(_missing(key, name, file, columns))
        if columns.count(name) > 1:
            raise SourceError(f"{key}={name}: {file.source} has {columns.count(name)} such columns")


def expect_columns(data: DataConfig, columns: Sequence[str]) -> None:
    """Checks again, when a file is read, what was found when it was planned.

    Raises:
        Damaged: a column is gone.
    """
    gone = sorted(set(data.named_columns.values()) - set(columns))
    if gone:
        raise Damaged(f"column {gone[0]} is gone; was the file changed?")


def refuse_columns(data: DataConfig, file: SourceFile) -> None:
    """Refuses an order that names columns other than the text of a plain text file."""
    for key, name in list(data.named_columns.items())[1:]:
        raise SourceError(
            f"{key}={name} means nothing for {file.source}: text files have no columns; drop it"
        )


MAX_COMPARED = 10_000
"""Most names that a near miss is looked for among; comparing takes a microsecond or more each."""


def _missing(key: str, name: str, file: SourceFile, columns: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, columns[:MAX_COMPARED], n=1)
    shown = ", ".join(columns[:20]) + (", …" if columns[20:] else "")
    hint = f"; did you mean {key}={close[0]}?" if close else f"; set {key} to one of them"
    return f"{key}={name} is no column of {file.source}, which has: {shown or 'none'}{hint}"

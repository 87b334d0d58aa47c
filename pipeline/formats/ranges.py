"""Cutting row groups and record batches into ranges of rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longriver.pipeline.damage import Damaged
from longriver.pipeline.filesystem import SourceFile
from longriver.pipeline.shard import Piece

Rows = npt.NDArray[np.int64]

MAX_PARTS = 64
"""Most ranges that bytes cut a group into: whoever reads one decodes all that lies before it."""

MAX_ROW_PARTS = 1024
"""Most ranges that rows cut a group into, for the same reason."""

FREE_ROWS, ROWS_A_BYTE = 1 << 20, 100
"""More rows than these, more than so many for a byte of the file, are a lie or a trap."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row group or record batch: its rows, and the bytes of text in them."""

    num_rows: int
    num_bytes: int


def check_rows(groups: list[Group], file_bytes: int) -> None:
    """Refuses row counts that no file of texts comes to.

    Raises:
        Damaged: a count below zero, or one out of all proportion to the file.
    """
    num_rows = sum(group.num_rows for group in groups)
    if any(group.num_rows < 0 for group in groups):
        raise Damaged("it claims a number of rows below zero")
    if num_rows > max(FREE_ROWS, ROWS_A_BYTE * file_bytes):
        raise Damaged(f"it claims {num_rows} rows in {file_bytes} bytes")


def cut_groups(
    groups: list[Group], max_bytes: int, max_rows: int, document_starts: Rows | None = None
) -> Rows:
    """Returns the first row of every piece, and the number of rows in the file last.

    Every group begins a piece, and one that is larger than a limit is cut evenly. With
    ``document_starts`` (rows, ascending) each cut moves on to the next document.
    """
    first = _first_rows(groups)
    wanted = [
        first[i] + group.num_rows * part // parts
        for i, group in enumerate(groups)
        for parts in [_num_parts(group, max_bytes, max_rows)]
        for part in range(parts)
    ]
    bounds = np.array([0, *wanted, first[-1]], np.int64)
    if document_starts is not None:
        ends = np.append(document_starts, first[-1])
        bounds[1:] = ends[np.searchsorted(document_starts, bounds[1:])]
    return np.unique(bounds)


def pieces_of(file: SourceFile, format: str, groups: list[Group], bounds: Rows) -> list[Piece]:
    """Returns the pieces of a file whose first rows are ``bounds``."""
    first = _first_rows(groups)
    bytes_before = np.concatenate([[0], np.cumsum([group.num_bytes for group in groups])])
    text_at = np.interp(bounds, first, bytes_before).astype(np.int64)
    starts = np.searchsorted(first, bounds[:-1], side="right") - 1
    ends = np.searchsorted(first, bounds[1:], side="left")
    return [
        Piece(
            source=file.source,
            name=file.name,
            format=format,
            start=int(starts[i]),
            end=int(ends[i]),
            row_start=int(bounds[i]),
            num_rows=int(bounds[i + 1] - bounds[i]),
            num_bytes=int(text_at[i + 1] - text_at[i]),
            skip=int(bounds[i] - first[starts[i]]),
        )
        for i in range(len(bounds) - 1)
    ]


def _num_parts(group: Group, max_bytes: int, max_rows: int) -> int:
    by_bytes = min(-(-group.num_bytes // max_bytes), MAX_PARTS)
    by_rows = min(-(-group.num_rows // max_rows), MAX_ROW_PARTS)
    return min(max(by_bytes, by_rows), group.num_rows)


def _first_rows(groups: list[Group]) -> Rows:
    """The first row of each group, and the number of rows last."""
    return np.concatenate([[0], np.cumsum([group.num_rows for group in groups])]).astype(np.int64)

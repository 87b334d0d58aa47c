"""Some rows of a result table by their numbers, without reading what lies between them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import Row

Numbers = npt.NDArray[np.int64]


def num_rows(receipts: Iterable[Receipt], table: str) -> int:
    """Rows of a table that are committed."""
    return sum(entry.num_rows for receipt in receipts for entry in receipt.files_of(table))


def picked_rows(
    folder: RunFolder,
    receipts: Iterable[Receipt],
    table: str,
    rows: Sequence[int],
    names: Sequence[str],
) -> list[Row]:
    """Rows of a table, counted from 0 in document order over the whole run.

    Of a file only the row groups that hold one of them are read, one at a time.

    Args:
        receipts: in shard order.
        rows: ascending, each once.
        names: the columns; lists come as numpy arrays.
    """
    found: list[Row] = []
    first = 0
    for entry in (entry for receipt in receipts for entry in receipt.files_of(table)):
        here = _between(np.asarray(rows, np.int64), first, first + entry.num_rows)
        if len(here):
            found += _of_file(folder, entry, here, names)
        first += entry.num_rows
    return found


def _between(rows: Numbers, first: int, end: int) -> Numbers:
    """Those of some rows, counted from ``first``."""
    return rows[(rows >= first) & (rows < end)] - first


def _of_file(
    folder: RunFolder, entry: FileEntry, rows: Numbers, names: Sequence[str]
) -> Iterator[Row]:
    with folder.fs.open(folder.path(entry.path)) as opened, pq.ParquetFile(opened) as file:
        first = 0
        for group in range(file.num_row_groups):
            end = first + file.metadata.row_group(group).num_rows
            here = _between(rows, first, end)
            if len(here):
                yield from _of_group(file, group, here, names)
            first = end


def _of_group(
    file: pq.ParquetFile, group: int, rows: Numbers, names: Sequence[str]
) -> Iterator[Row]:
    taken = file.read_row_group(group, columns=list(names)).take(rows)
    for index in range(len(rows)):
        cells = {name: taken[name][index] for name in names}
        yield {name: _plain(cell) for name, cell in cells.items()}


def _plain(cell: Any) -> object:
    values = getattr(cell, "values", None)  # an Arrow array, where the cell is a list
    if values is not None:
        return values.to_numpy(zero_copy_only=False)
    plain: object = cell.as_py()
    return plain

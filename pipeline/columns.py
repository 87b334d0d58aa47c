"""Columns of a result table as numpy arrays, some documents at a time, in document order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import read_table

BATCH_ROWS = 16384


@dataclass(frozen=True, slots=True)
class Lists:
    """A column of lists: all their values, and how many each row has."""

    values: npt.NDArray[Any]
    lengths: npt.NDArray[np.int64]


Values = npt.NDArray[Any] | list[str | None] | Lists


def columns_of(folder: RunFolder, table: str, names: Sequence[str]) -> Iterator[tuple[Values, ...]]:
    """The columns of some rows after the other; text as a list, null numbers as NaN."""
    found = read_table(folder, table)
    # one thread, so that rows come in document order
    for batch in found.to_batches(columns=list(names), batch_size=BATCH_ROWS, use_threads=False):
        yield tuple(_values(batch[name]) for name in names)


def _values(column: pa.Array) -> Values:
    if pa.types.is_string(column.type):
        texts: list[str | None] = column.to_pylist()
        return texts
    if pa.types.is_list(column.type):
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        return Lists(column.flatten().to_numpy(zero_copy_only=False), lengths.astype(np.int64))
    numbers: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return numbers

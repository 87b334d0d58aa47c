"""Where documents that span rows begin, so that no cut goes through one."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from longriver.pipeline.formats.cells import cells, is_text
from longriver.pipeline.formats.ranges import Rows


class DocumentStarts:
    """Collects the rows at which the id differs from the row before, group by group.

    A null id is a document of its own. Where a group's ids cannot be read, neither its rows nor
    the row behind it count as starts, so that no cut is made there.
    """

    def __init__(self) -> None:
        self._found = [np.zeros(1, np.int64)]
        self._num_rows = 0
        self._last: pa.Array | None = None

    def add(self, ids: Iterable[pa.Array]) -> None:
        """Takes the ids of the next rows."""
        for array in ids:
            if len(array):
                self._add(_comparable(array))

    def skip(self, num_rows: int) -> None:
        """Takes rows whose ids cannot be read."""
        self._num_rows += num_rows
        self._last = None

    def rows(self) -> Rows:
        """The first row of every document, ascending; row 0 is always one."""
        return np.unique(np.concatenate(self._found))

    def _add(self, ids: pa.Array) -> None:
        if self._last is not None and _differ(self._last, ids[:1])[0]:
            self._found.append(np.array([self._num_rows], np.int64))
        self._found.append(np.flatnonzero(_differ(ids[:-1], ids[1:])) + self._num_rows + 1)
        self._last = ids[-1:]
        self._num_rows += len(ids)


def _differ(left: pa.Array, right: pa.Array) -> npt.NDArray[np.bool_]:
    different = pc.not_equal(left, right).fill_null(True)
    return np.asarray(different.to_numpy(zero_copy_only=False), np.bool_)


def _comparable(array: pa.Array) -> pa.Array:
    return pa.array(cells(array), pa.large_binary()) if is_text(array.type) else array

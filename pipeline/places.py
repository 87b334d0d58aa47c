"""Where a shard's documents lie, by its rows: each once, in order, and so in every table."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from longriver.pipeline.verify_shard import Span

MAX_PROBLEMS = 20
"""Of one shard; a table that is shifted by a row has no end of them."""

PLACE = ("source", "source_row")

Rows = npt.NDArray[np.int64]


class Places:
    """Documents leave in document order, so a row that does not rise within its source is double.

    Memory is that of a shard's names, not of its rows' contents.
    """

    def __init__(self, shard: str) -> None:
        self.problems: list[str] = []
        self.spans: list[Span] = []
        self.num_dead = 0
        self._shard = shard
        self._dead: dict[str, set[int]] = {}
        self._last_rows: dict[str, int] = {}
        self._names: list[str] = []

    def add_dead(self, batch: pa.RecordBatch) -> None:
        self.num_dead += sum(batch["num_rows"].to_pylist())
        for source, row in zip(*(batch[name].to_pylist() for name in PLACE), strict=True):
            if row is not None:
                self._dead.setdefault(source, set()).add(row)

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes rows of the first table."""
        if set(PLACE) <= set(batch.schema.names):
            for source, rows in _runs_of_source(batch):
                self._add(source, rows)
        if "document_id" in batch.schema.names:
            self._names += _runs(batch["document_id"].to_pylist(), self._names)

    def follower(self, table: str) -> "Follower":
        return Follower(self, table, iter(self._names))

    def complain(self, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"shard {self._shard}: {what}")

    def _add(self, source: str, rows: Rows) -> None:
        before = np.concatenate([[self._last_rows.get(source, -1)], rows[:-1]])
        for row in rows[rows <= before].tolist():
            self.complain(f"{source} row {row} is doubled or misplaced")
        if dead := self._dead.get(source):
            for row in sorted(dead & set(rows.tolist())):
                self.complain(f"{source} row {row} is a document and a dead letter")
        first, last = int(rows[0]), int(rows[-1])
        self._last_rows[source] = last
        if self.spans and self.spans[-1].source == source:
            self.spans[-1] = Span(source, self.spans[-1].first_row, last)
        else:
            self.spans.append(Span(source, first, last))


class Follower:
    """A table with any number of rows a document, in the order of the first table."""

    def __init__(self, places: Places, table: str, names: Iterator[str]) -> None:
        self._places, self._table, self._ahead = places, table, names
        self._seen: list[str] = []
        self._index = -1

    def add(self, batch: pa.RecordBatch) -> None:
        if "document_id" in batch.schema.names:
            for name in _runs(batch["document_id"].to_pylist(), self._seen):
                self._seen = [name]
                if name not in self._ahead:  # reads on until it is found
                    self._places.complain(f"table {self._table} has rows of {name} out of place")
        if "segment_index" in batch.schema.names:
            self._count(batch["segment_index"].to_pylist())

    def _count(self, indices: Iterable[int]) -> None:
        for index in indices:
            if index not in (0, self._index + 1):
                what = f"segment {index} behind segment {self._index}"
                self._places.complain(f"table {self._table} has {what}")
            self._index = index


def _runs_of_source(batch: pa.RecordBatch) -> Iterator[tuple[str, Rows]]:
    """Neighbours of one source, by their rows."""
    sources = batch["source"].dictionary_encode()
    codes, rows = sources.indices.to_numpy(), batch["source_row"].to_numpy()
    starts = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    for some, of in zip(np.split(rows, starts), np.split(codes, starts), strict=True):
        if len(some):
            yield sources.dictionary[int(of[0])].as_py(), some


def _runs(values: Sequence[str], before: Sequence[str]) -> list[str]:
    """The values without those that repeat the one before; ``before`` ends with what went before.

    Ids need not be unlike: two neighbours of one id count as one here, in every table alike.
    """
    previous = [before[-1] if before else None, *values[:-1]]
    return [value for value, last in zip(values, previous, strict=True) if value != last]

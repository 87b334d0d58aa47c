"""Where a shard's documents lie, by its rows: each once, in order, and so in every table."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from longriver.pipeline.verify_shard import Span

MAX_PROBLEMS = 20
"""Of one shard; a table that is shifted by a row has no end of them."""

Place = tuple[str, int]
"""A document's source and row."""


class Places:
    """Documents leave in document order, so a row that does not rise within its source is double.

    Memory is that of a shard's names, not of its rows' contents.
    """

    def __init__(self, shard: str) -> None:
        self.problems: list[str] = []
        self.spans: list[Span] = []
        self.num_dead = 0
        self._shard = shard
        self._dead: set[Place] = set()
        self._last_rows: dict[str, int] = {}
        self._names: list[str] = []

    def add_dead(self, batch: pa.RecordBatch) -> None:
        self.num_dead += sum(batch["num_rows"].to_pylist())
        self._dead |= {(source, row) for source, row in _places(batch) if row is not None}

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes rows of the first table."""
        if not {"source", "source_row"} <= set(batch.schema.names):
            return
        for source, row in _places(batch):
            self._add(source, row)
        if "document_id" in batch.schema.names:
            self._names += list(_runs(batch["document_id"].to_pylist(), self._names))

    def follower(self, table: str) -> "Follower":
        return Follower(self, table, iter(self._names))

    def complain(self, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"shard {self._shard}: {what}")

    def _add(self, source: str, row: int) -> None:
        if row <= self._last_rows.get(source, -1):
            self.complain(f"{source} row {row} is doubled or misplaced")
        if (source, row) in self._dead:
            self.complain(f"{source} row {row} is a document and a dead letter")
        self._last_rows[source] = row
        if self.spans and self.spans[-1].source == source:
            self.spans[-1] = Span(source, self.spans[-1].first_row, row)
        else:
            self.spans.append(Span(source, row, row))


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


def _places(batch: pa.RecordBatch) -> Iterator[Place]:
    return zip(batch["source"].to_pylist(), batch["source_row"].to_pylist(), strict=True)


def _runs(values: Iterable[str], before: list[str]) -> Iterator[str]:
    """The values without those that repeat the one before; ``before`` ends with what went before.

    Ids need not be unlike: two neighbours of one id count as one here, in every table alike.
    """
    last = before[-1] if before else None
    for value in values:
        if value != last:
            yield value
        last = value

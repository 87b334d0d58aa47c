"""Two runs over the same documents, put side by side document by document."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from longriver.engine.errors import OrderError
from longriver.pipeline.order import Order
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import read_table

BATCH_ROWS = 8192
NUMBERS = ("nll", "num_bytes", "num_tokens")
POSITIONS = ("position_nll", "position_tokens")

Key = tuple[str, int]
Group = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a run says of a document.

    position_nll, position_tokens: sums by position, empty where the run has none.
    """

    document_id: str
    nll: float
    num_bytes: int
    num_tokens: int
    position_nll: list[float]
    position_tokens: list[int]
    group: Group


@dataclass(slots=True)
class Unpaired:
    """Documents that only one of the runs has."""

    only_in_a: int = 0
    only_in_b: int = 0


@dataclass(slots=True)
class Side:
    """One of the runs, read in document order.

    table: the one with a row for every document.
    """

    folder: RunFolder
    order: Order = field(init=False)
    table: str = field(init=False)

    def __post_init__(self) -> None:
        """Raises OrderError where nothing was scored, or not all is done."""
        self.order = self.folder.read_order()
        self.table, columns = next(iter(self.order.tables.items()))
        if "nll" not in columns:
            raise OrderError(
                f"{self.folder.url} has no nll to compare; give runs of perplexity or score"
            )
        if not self.folder.has_succeeded():
            raise OrderError(
                f"{self.folder.url} is not complete; the command that began it does what is left"
            )

    @property
    def group_columns(self) -> tuple[str, ...]:
        columns = self.order.semantic.get("data.group_columns", ())
        assert isinstance(columns, list | tuple)
        return tuple(map(str, columns))

    @property
    def has_positions(self) -> bool:
        return set(POSITIONS) <= self.order.tables[self.table].keys()

    def documents(self) -> Iterator[dict[Key, Scored]]:
        """Some documents after the other, by where they come from."""
        names = ["document_id", "source", "source_row", *NUMBERS]
        names += POSITIONS if self.has_positions else ()
        names += self.group_columns
        found = read_table(self.folder, self.table)
        for batch in found.to_batches(columns=names, batch_size=BATCH_ROWS, use_threads=False):
            rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            yield dict(self._document(row) for row in rows)

    def _document(self, row: tuple[Any, ...]) -> tuple[Key, Scored]:
        document_id, source, source_row, nll, num_bytes, num_tokens, *rest = row
        nats, tokens = (rest.pop(0), rest.pop(0)) if self.has_positions else ([], [])
        scored = Scored(document_id, nll, num_bytes, num_tokens, nats, tokens, tuple(rest))
        return (source, source_row), scored


def require_comparable(a: Side, b: Side) -> None:
    """Raises OrderError where the runs have read different texts."""
    if a.order.fingerprints["inputs"] != b.order.fingerprints["inputs"]:
        raise OrderError(
            f"{a.folder.url} and {b.folder.url} have read different input files; "
            "compare runs over the same data.path"
        )


def pairs(a: Side, b: Side, unpaired: Unpaired) -> Iterator[tuple[Scored, Scored]]:
    """Every document that both runs have, in the order of the first.

    Memory holds what one run has read and the other has not come to yet: a little, for both read in
    the same order.

    Raises:
        OrderError: a document has other bytes in one than in the other.
    """
    left: dict[Key, Scored] = {}
    right: dict[Key, Scored] = {}
    coming_a, coming_b = a.documents(), b.documents()
    while (some_a := next(coming_a, None)) is not None:
        left |= some_a
        right |= next(coming_b, {})
        yield from _matched(left, right)
    for some_b in coming_b:
        right |= some_b
        yield from _matched(left, right)
    unpaired.only_in_a, unpaired.only_in_b = len(left), len(right)


def _matched(left: dict[Key, Scored], right: dict[Key, Scored]) -> Iterator[tuple[Scored, Scored]]:
    for key in [key for key in left if key in right]:
        first, second = left.pop(key), right.pop(key)
        if first.num_bytes != second.num_bytes:
            raise OrderError(
                f"document {first.document_id} has {first.num_bytes} bytes in one run and "
                f"{second.num_bytes} in the other; compare runs with the same text_column"
            )
        yield first, second

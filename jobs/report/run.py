"""A run as its report sees it: the order, the receipts, the figures, and ways to its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longriver.jobs.config import RunConfig
from longriver.jobs.report.texts import Texts
from longriver.pipeline.order import Order
from longriver.pipeline.picked import num_rows, picked_rows
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import Row

SCORED = ("score", "perplexity")
"""Tables with a row for every document and what it costs."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a report is made of.

    num_planned: shards.
    summary:     what summary.json says, or would say if the run were complete.
    """

    folder: RunFolder
    order: Order
    config: RunConfig
    receipts: tuple[Receipt, ...]
    num_planned: int
    summary: Mapping[str, object]
    texts: Texts

    @property
    def scored(self) -> str | None:
        """The table of scored documents."""
        return next((name for name in SCORED if name in self.order.tables), None)

    def findings(self, job: str) -> Mapping[str, object]:
        """What a job has added to the summary."""
        return record(record(self.summary.get("jobs")).get(job))

    def columns(self, table: str) -> Mapping[str, str]:
        return self.order.tables.get(table, {})

    def size(self, table: str) -> int:
        return num_rows(self.receipts, table)

    def rows(self, table: str, rows: Sequence[int], names: Sequence[str]) -> dict[int, Row]:
        """Rows of a table by their numbers."""
        wanted = sorted(set(rows))
        found = picked_rows(self.folder, self.receipts, table, wanted, names)
        return dict(zip(wanted, found, strict=True))


def record(value: object) -> Mapping[str, object]:
    """A JSON object, or an empty one where there is none."""
    return value if isinstance(value, Mapping) else {}


def records(value: object) -> list[Mapping[str, object]]:
    return [record(each) for each in value] if isinstance(value, list) else []


def figure_of(value: object) -> float | None:
    """A JSON number, None where there is none."""
    return float(value) if isinstance(value, int | float) else None


def whole(value: object) -> int:
    """A number in a row that always has one."""
    assert isinstance(value, int | float), value
    return int(value)

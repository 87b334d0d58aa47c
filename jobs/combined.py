"""Several jobs in one pass: each has an accumulator for every document, all hear every chunk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from longriver.engine.errors import OrderError
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import Wants
from longriver.pipeline.document import Document
from longriver.pipeline.job import Accumulator, Job, Reader, TableRow
from longriver.pipeline.table import Row, Table


@dataclass(frozen=True)
class CombinedJob:
    """Jobs by name, the one whose first table counts the documents first."""

    jobs: tuple[tuple[str, Job], ...]

    @staticmethod
    def of(jobs: Iterable[tuple[str, Job]]) -> "CombinedJob":
        """Raises OrderError where two jobs write a table of the same name."""
        job = CombinedJob(tuple(jobs))
        names = [table.name for table in job.tables]
        for name in names:
            if names.count(name) > 1:
                raise OrderError(
                    f"two of the jobs write a table {name}; run them into folders of their own"
                )
        return job

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(table for _, job in self.jobs for table in job.tables)

    @property
    def wants(self) -> Wants:
        wanted = [job.wants for _, job in self.jobs]
        layers = [each.layer for each in wanted if each.layer is not None]
        return Wants(
            nll=any(each.nll for each in wanted),
            layer=layers[0] if layers else None,
            state=any(each.state for each in wanted),
            window=next((each.window for each in wanted if each.nll), None),
        )

    def open(self, document: Document) -> "CombinedAccumulator":
        return CombinedAccumulator({name: job.open(document) for name, job in self.jobs})

    def restore(self, document: Document, saved: Arrays) -> "CombinedAccumulator":
        return CombinedAccumulator(
            {name: job.restore(document, taken_from(saved, name)) for name, job in self.jobs}
        )

    def sums(self, table: str, row: Row) -> dict[str, float]:
        """Each thing counts once, by the first job that counts it."""
        known: set[str] = set()
        for _, job in self.jobs:
            if table in {each.name for each in job.tables}:
                return {k: v for k, v in job.sums(table, row).items() if k not in known}
            known |= {"num_documents", *(column.name for column in job.tables[0].columns)}
        return {}


class CombinedAccumulator:
    """What each job remembers of one document.

    What follows the document is heard by the job alone that asked for it.
    """

    def __init__(self, parts: dict[str, Accumulator]) -> None:
        self.parts = parts
        self.owners: dict[int, Accumulator] = {}

    def followers(self, reader: Reader, key: object) -> list[Sequence]:
        found: list[Sequence] = []
        for part in self.parts.values():
            theirs = list(part.followers(reader, key))
            self.owners |= {id(sequence): part for sequence in theirs}
            found += theirs
        return found

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        owner = self.owners.get(id(chunk.sequence))
        parts = self.parts.values() if owner is None else (owner,)
        return [row for part in parts for row in part.update(chunk)]

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        return list(self._last_rows(counts))

    def save(self) -> Arrays:
        saved: dict[str, Arrays] = {name: part.save() for name, part in self.parts.items()}
        return {key: x for name, room in saved.items() for key, x in inside(name, room).items()}

    def _last_rows(self, counts: TextCounts) -> Iterator[TableRow]:
        for part in self.parts.values():
            yield from part.finalize(counts)

"""The evaluate job: whether the network says what it should behind a context."""

from collections.abc import Iterator
from dataclasses import dataclass

from longriver.engine.candidate import CandidateSequence
from longriver.engine.errors import DocumentError
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, whole
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import UNSCORED, Wants
from longriver.jobs.evaluate_config import EvaluateConfig
from longriver.jobs.evaluate_tables import EVALUATE, choice_cells, tables
from longriver.jobs.example import Example, example_of
from longriver.pipeline.document import Document
from longriver.pipeline.formats.unicode import to_bytes
from longriver.pipeline.job import Reader, TableRow
from longriver.pipeline.parts import slices
from longriver.pipeline.table import Row, Table


@dataclass(frozen=True)
class EvaluateJob:
    """Writes the table ``evaluate``: a row for every example."""

    config: EvaluateConfig
    group_columns: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return tables(self.config, self.group_columns)

    @property
    def wants(self) -> Wants:
        return UNSCORED

    def open(self, document: Document) -> "EvaluateAccumulator":
        return EvaluateAccumulator(self, document)

    def restore(self, document: Document, saved: Arrays) -> "EvaluateAccumulator":
        """Before the context's end nothing is known but what the row says, and how long it is."""
        accumulator = EvaluateAccumulator(self, document)
        [accumulator.num_tokens] = saved["num_tokens"].tolist()
        return accumulator

    def sums(self, table: str, row: Row) -> dict[str, float]:
        if table != EVALUATE:
            return {}
        num_tokens = row["num_tokens"]
        assert isinstance(num_tokens, int)
        return {"num_tokens": num_tokens, "num_documents": 1}


class EvaluateAccumulator:
    """The evaluate job's memory for one example.

    num_tokens: of the context, read so far.

    The engine is given the context for the document's text, and what might follow it for
    followers: the context is read once. A row that is no example fails as a text would that cannot
    be read.
    """

    def __init__(self, job: EvaluateJob, document: Document) -> None:
        self.job, self.document = job, document
        self.example: Example | DocumentError = _example_or_why_not(job.config, document)
        self.candidates: list[CandidateSequence] = []
        self.num_tokens = 0
        document.chunks = self._context()

    def followers(self, reader: Reader, key: object) -> list[CandidateSequence]:
        if isinstance(self.example, DocumentError):
            return []
        found = reader.candidates(key, self.example.context, self.example.texts)
        for number, candidate in enumerate(found):
            if not len(candidate.tokens):
                detail = f"choice {number} has no token behind those of its context"
                self.example = DocumentError("no_tokens", detail)
                return []
        self.candidates = found
        return found

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        if not isinstance(chunk.sequence, CandidateSequence):
            self.num_tokens += len(chunk.tokens)
        return []

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        return [(EVALUATE, self._row())]

    def save(self) -> Arrays:
        return {"num_tokens": whole(self.num_tokens)}

    def _context(self) -> Iterator[memoryview]:
        if isinstance(self.example, DocumentError):
            raise self.example
        yield from slices(self.example.context)

    def _row(self) -> Row:
        assert isinstance(self.example, Example)
        gold = self.candidates[self.example.gold]
        row: Row = {
            "document_id": self.document.document_id,
            "source": self.document.source,
            "source_row": self.document.source_row,
            "num_tokens": self.num_tokens,
            "gold_nll": gold.nll,
            "gold_tokens": len(gold.tokens),
            "gold_bytes": len(to_bytes(self.example.choices[self.example.gold])),
            "greedy": gold.is_greedy,
            "correct": gold.is_greedy,
            "status": "straddles" if any(c.straddles for c in self.candidates) else "ok",
        }
        if self.job.config.task == "multiple_choice":
            row |= choice_cells(self.example, self.candidates)
        return row | dict(zip(self.job.group_columns, self.document.groups, strict=True))


def _example_or_why_not(config: EvaluateConfig, document: Document) -> Example | DocumentError:
    try:
        return example_of(config, document.fields)
    except DocumentError as error:
        return error

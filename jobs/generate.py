"""The generate job: what the network writes behind each document."""

from dataclasses import dataclass

from longriver.engine.checkpoint import NetworkShape
from longriver.engine.generate.sampler import check_stop_tokens
from longriver.engine.generate.sequence import Continuation, GeneratingSequence
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, whole
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import UNSCORED, Wants
from longriver.jobs.generate_config import GenerateConfig
from longriver.pipeline.document import Document
from longriver.pipeline.job import Reader, TableRow
from longriver.pipeline.table import Column, Row, Table

GENERATE = Table(
    "generate",
    (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("source_row", "int64"),
        Column("num_prompt_bytes", "int64"),
        Column("num_prompt_tokens", "int64"),
        Column("texts", "list<string>"),
        Column("num_tokens", "list<int64>"),
        Column("finish_reasons", "list<string>"),
        Column("nll", "list<float64>"),
        Column("status", "string"),
    ),
)
TOKEN_IDS = Column("token_ids", "list<int32>")
"""Those of all continuations, one behind the other; ``num_tokens`` says where each ends."""


@dataclass(frozen=True)
class GenerateJob:
    """Goes on with documents, into the table ``generate``."""

    config: GenerateConfig
    group_columns: tuple[str, ...] = ()

    @staticmethod
    def fitting(
        config: GenerateConfig, group_columns: tuple[str, ...], shape: NetworkShape
    ) -> "GenerateJob":
        """Raises OrderError where the network has not all of the stop tokens."""
        check_stop_tokens(config.stop_tokens, shape.vocab_size, "job.stop_tokens")
        return GenerateJob(config, group_columns)

    @property
    def tables(self) -> tuple[Table, ...]:
        groups = tuple(Column(name, "string") for name in self.group_columns)
        token_ids = (TOKEN_IDS,) * self.config.token_ids
        return (Table(GENERATE.name, GENERATE.columns + token_ids + groups),)

    @property
    def wants(self) -> Wants:
        return UNSCORED

    def open(self, document: Document) -> "GenerateAccumulator":
        return GenerateAccumulator(self, document)

    def restore(self, document: Document, saved: Arrays) -> "GenerateAccumulator":
        accumulator = GenerateAccumulator(self, document)
        [accumulator.num_prompt_tokens] = saved["num_prompt_tokens"].tolist()
        return accumulator

    def sums(self, table: str, row: Row) -> dict[str, float]:
        if table != GENERATE.name:
            return {}
        num_prompt_tokens, num_tokens = row["num_prompt_tokens"], row["num_tokens"]
        reasons = row["finish_reasons"]
        assert isinstance(num_prompt_tokens, int)
        assert isinstance(num_tokens, list) and isinstance(reasons, list)
        return {
            "num_documents": 1,
            "num_prompt_tokens": num_prompt_tokens,
            "num_generated_tokens": sum(num_tokens),
            **{f"num_{reason}": reasons.count(reason) for reason in reasons},
        }


class GenerateAccumulator:
    """The generate job's memory for one document: its continuations, once they are complete.

    What is drawn for a document is decided by its id. Nothing that was written is saved: a document
    that goes on from a snapshot is read to its end, and then it is all written anew, the same.
    """

    def __init__(self, job: GenerateJob, document: Document) -> None:
        self.job, self.document = job, document
        self.num_prompt_tokens = 0
        self.written: dict[int, Continuation] = {}

    def followers(self, reader: Reader, key: object) -> list[Sequence]:
        name, samples = self.document.document_id, range(self.job.config.num_samples)
        return [reader.continuation(key, self.job.config, name, sample) for sample in samples]

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        sequence = chunk.sequence
        if not isinstance(sequence, GeneratingSequence):
            self.num_prompt_tokens += len(chunk.tokens)
        elif chunk.is_last:
            self.written[sequence.sample] = sequence.result
        return []

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        written = [self.written[sample] for sample in range(self.job.config.num_samples)]
        row: Row = {
            "document_id": self.document.document_id,
            "source": self.document.source,
            "source_row": self.document.source_row,
            "num_prompt_bytes": counts.num_bytes,
            "num_prompt_tokens": self.num_prompt_tokens,
            "texts": [each.text for each in written],
            "num_tokens": [len(each.token_ids) for each in written],
            "finish_reasons": [str(each.finish_reason) for each in written],
            "nll": [each.nll for each in written],
            "status": "ok" if self.num_prompt_tokens else "empty",
        }
        if self.job.config.token_ids:
            row["token_ids"] = [token for each in written for token in each.token_ids]
        groups = zip(self.job.group_columns, self.document.groups, strict=True)
        return [(GENERATE.name, row | dict(groups))]

    def save(self) -> Arrays:
        return {"num_prompt_tokens": whole(self.num_prompt_tokens)}

"""The perplexity job: exact sums for every document, as a whole and by position in it."""

from dataclasses import dataclass

from longriver.engine.result import ScoredChunk
from longriver.engine.saved import Arrays, inside, taken_from
from longriver.engine.sequence import Sequence
from longriver.engine.text_counts import TextCounts
from longriver.engine.wants import Wants
from longriver.jobs.perplexity_config import PerplexityConfig
from longriver.jobs.positions import Positions
from longriver.jobs.score import SCORE, ScoreAccumulator, ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.document import Document
from longriver.pipeline.job import Reader, TableRow
from longriver.pipeline.table import Column, Row, Table

PERPLEXITY = "perplexity"
POSITIONS = (Column("position_nll", "list<float64>"), Column("position_tokens", "list<int64>"))


@dataclass(frozen=True)
class PerplexityJob:
    """Writes the table ``perplexity``: the columns of ``score``, and sums by position."""

    config: PerplexityConfig
    group_columns: tuple[str, ...] = ()

    @property
    def score(self) -> ScoreJob:
        """The job that knows what a document costs."""
        policy = self.config.context_policy
        return ScoreJob(ScoreConfig(context_policy=policy), self.group_columns)

    @property
    def tables(self) -> tuple[Table, ...]:
        groups = tuple(Column(name, "string") for name in self.group_columns)
        return (Table(PERPLEXITY, SCORE.columns + POSITIONS + groups),)

    @property
    def wants(self) -> Wants:
        return self.score.wants

    def open(self, document: Document) -> "PerplexityAccumulator":
        return PerplexityAccumulator(self.score.open(document), Positions())

    def restore(self, document: Document, saved: Arrays) -> "PerplexityAccumulator":
        score = self.score.restore(document, taken_from(saved, "score"))
        return PerplexityAccumulator(score, Positions.restore(taken_from(saved, "positions")))

    def sums(self, table: str, row: Row) -> dict[str, float]:
        return self.score.sums(SCORE.name, row) if table == PERPLEXITY else {}


class PerplexityAccumulator:
    """What a document has cost so far; its segments are nobody's business."""

    def __init__(self, score: ScoreAccumulator, positions: Positions) -> None:
        self.score, self.positions = score, positions

    def followers(self, reader: Reader, key: object) -> list[Sequence]:
        return []

    def update(self, chunk: ScoredChunk) -> list[TableRow]:
        self.score.update(chunk)
        self.positions.add(chunk.nll)
        return []

    def finalize(self, counts: TextCounts) -> list[TableRow]:
        _, row = self.score.finalize(counts)[-1]
        positions = self.positions.nll, self.positions.num_tokens
        return [(PERPLEXITY, row | dict(zip((c.name for c in POSITIONS), positions, strict=True)))]

    def save(self) -> Arrays:
        return {
            **inside("score", self.score.save()),
            **inside("positions", self.positions.save()),
        }

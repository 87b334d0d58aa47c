"""Run folders for reports, made of numbers alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.config import RunConfig
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.embed_tables import tables as embed_tables
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import Order, recorded
from longriver.pipeline.receipt import Counts, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.session import Session, input_plan
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.table import Row, Table

SEGMENT_TOKENS, WIDTH = 100, 16
SHARD_ROWS = 10_000
GROUPS = ("prose", "code", "<b>chat</b>", None)
WORDS = b"It was a bright cold day in April, and the clocks were striking thirteen. "


class Numbers:
    """Documents of random lengths and costs, and text for each."""

    def __init__(self, size: int) -> None:
        random = np.random.default_rng(0)
        self.num_tokens = np.exp(random.normal(4, 1, size)).astype(int) + 1
        self.nll = self.num_tokens * random.gamma(8, 0.15, size)
        self.random = random

    def text(self, index: int) -> str:
        size = int(self.num_tokens[index])
        return (WORDS * (size // len(WORDS) + 1))[:size].decode()

    def document(self, index: int, source: str) -> Row:
        tokens, nll = int(self.num_tokens[index]), float(self.nll[index])
        ratios = ("bits_per_byte", "perplexity", "word_perplexity", "byte_perplexity")
        return {
            "document_id": f"document {index}",
            "source": source,
            "source_row": index,
            **dict.fromkeys(("num_bytes", "num_chars", "num_words", "num_tokens"), tokens),
            "nll": nll,
            **dict.fromkeys(ratios, nll / tokens),
            "context_policy": "streaming",
            "status": "ok",
            "kind": GROUPS[index % len(GROUPS)],
        }

    def segments(self, index: int, source: str) -> list[Row]:
        rows: list[Row] = []
        for number, start in enumerate(range(0, int(self.num_tokens[index]), SEGMENT_TOKENS)):
            size = min(SEGMENT_TOKENS, int(self.num_tokens[index]) - start)
            nll = np.full(size, self.nll[index] / self.num_tokens[index], np.float32)
            rows.append(
                {
                    "document_id": f"document {index}",
                    "source": source,
                    "segment_index": number,
                    **dict.fromkeys(("token_start", "byte_start"), start),
                    **dict.fromkeys(("num_tokens", "num_bytes"), size),
                    "nll": float(nll.sum()),
                    "token_nll": nll,
                }
            )
        return rows

    def vector(self, index: int, source: str) -> Row:
        return {
            "document_id": f"document {index}",
            "source": source,
            "source_row": index,
            **dict.fromkeys(("num_bytes", "num_tokens"), int(self.num_tokens[index])),
            "pooling": "mean",
            "layer": -1,
            "kind": GROUPS[index % len(GROUPS)],
            "status": "ok",
            "vector": self.random.normal(size=WIDTH).astype(np.float32),
        }


def synthetic_run(folder: Path, size: int) -> Path:
    """A run of score and embed over ``size`` documents, written without an engine."""
    numbers = Numbers(size)
    folder.mkdir()
    data, run = folder / "data.parquet", folder / "run"
    texts = [numbers.text(index) for index in range(size)]
    kinds = [GROUPS[index % len(GROUPS)] for index in range(size)]
    pq.write_table(pa.table({"text": texts, "kind": kinds}), data, row_group_size=SHARD_ROWS)
    score = ScoreConfig(segment_tokens=SEGMENT_TOKENS, token_nll=True)
    embed = EmbedConfig(vectors="documents")
    job = CombinedConfig(score=score, embed=embed)
    tables = (
        *ScoreJob(score, ("kind",)).tables,
        *embed_tables(embed, ("kind",), f"list<float32>[{WIDTH}]"),
    )
    session = _session(run, data, job, tables)
    for shard in session.plan.shards:
        rows = range(shard.pieces[0].row_start, shard.pieces[0].row_start + (shard.num_rows or 0))
        _commit(session.folder, shard.name, numbers, rows, shard.pieces[0].source, tables)
    return run


def _session(run: Path, data: Path, job: CombinedConfig, tables: Sequence[Table]) -> Session:
    config = RunConfig.model_validate(
        {
            "data": {"path": str(data), "group_columns": ["kind"], "shard_bytes": 1 << 30},
            "output": {"path": str(run)},
            "job": job.model_dump(mode="json"),
        }
    )
    folder = RunFolder.open(str(run))
    plan, inputs = input_plan(folder, config.data)
    order = Order(
        created_at="2026-01-02T03:04:05+00:00",
        order=config.model_dump(mode="json"),
        fingerprints={"model": "a" * 64, "tokenizer": "b" * 64, "inputs": inputs},
        semantic={},
        tables=recorded(tables),
    )
    return Session.open(folder, order, plan)


def _commit(
    folder: RunFolder,
    shard: str,
    numbers: Numbers,
    rows: range,
    source: str,
    tables: Sequence[Table],
) -> None:
    sink = ShardSink(folder, shard, tables, {})
    sums = {name: 0.0 for name in ("nll", "num_tokens", "num_bytes", "num_chars", "num_words")}
    for index in rows:
        document = numbers.document(index, source)
        sums = {name: total + float(str(document[name])) for name, total in sums.items()}
        sink.write("score", document)
        for segment in numbers.segments(index, source):
            sink.write("segments", segment)
        sink.write("embed", numbers.vector(index, source))
    counts = Counts(len(rows), len(rows), len(rows), 0, int(sums["num_tokens"]))
    receipt = Receipt(
        shard=shard,
        attempt=sink.attempt,
        files=tuple(sink.close()),
        counts=counts,
        sums={**sums, "num_documents": len(rows)},
        worker=f"host:{int(shard) % 4}",
        seconds=10.0,
        finished_at=f"2026-01-02T03:{10 + int(shard):02}:00+00:00",
    )
    assert Ledger(folder).commit(receipt)

"""Run folders for reports, made of numbers alone."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from longriver.jobs.combined_config import CombinedConfig
from longriver.jobs.config import RunConfig
from longriver.jobs.embed_config import EmbedConfig
from longriver.jobs.embed_tables import tables as embed_tables
from longriver.jobs.score import ScoreJob
from longriver.jobs.score_config import ScoreConfig
from longriver.pipeline.arrow_schema import arrow_schema
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import Order, recorded
from longriver.pipeline.receipt import Counts, FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.session import Session, input_plan
from longriver.pipeline.table import Table

SEGMENT_TOKENS, WIDTH = 100, 16
SHARD_ROWS, GROUP_ROWS = 10_000, 4096
GROUPS = ("prose", "code", "<b>chat</b>", None)
WORDS = b"It was a bright cold day in April, and the clocks were striking thirteen. "

Rows = npt.NDArray[np.int64]
Columns = Mapping[str, Any]


class Numbers:
    """Documents of random lengths and costs; a byte is a token."""

    def __init__(self, size: int) -> None:
        random = np.random.default_rng(0)
        self.num_tokens = np.exp(random.normal(4, 1, size)).astype(np.int64) + 1
        self.nll = self.num_tokens * random.gamma(8, 0.15, size)
        self.vectors = random.normal(size=(size, WIDTH)).astype(np.float32)

    def text(self, index: int) -> str:
        size = int(self.num_tokens[index])
        return (WORDS * (size // len(WORDS) + 1))[:size].decode()

    def score(self, rows: Rows) -> Columns:
        tokens, nll = self.num_tokens[rows], self.nll[rows]
        ratios = ("bits_per_byte", "perplexity", "word_perplexity", "byte_perplexity")
        return {
            **dict.fromkeys(("num_bytes", "num_chars", "num_words", "num_tokens"), tokens),
            "nll": nll,
            **dict.fromkeys(ratios, nll / tokens),
            "context_policy": ["streaming"] * len(rows),
        }

    def segments(self, rows: Rows) -> Columns:
        numbers = -(-self.num_tokens[rows] // SEGMENT_TOKENS)
        of = np.repeat(rows, numbers)
        index = np.arange(len(of)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        start = index * SEGMENT_TOKENS
        size = np.minimum(self.num_tokens[of] - start, SEGMENT_TOKENS)
        costs = self.nll[of] / self.num_tokens[of]
        offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
        tokens = np.repeat(costs, size).astype(np.float32)
        return {
            "document_id": names(of),
            "segment_index": index,
            **dict.fromkeys(("token_start", "byte_start"), start),
            **dict.fromkeys(("num_tokens", "num_bytes"), size),
            "nll": costs * size,
            "token_nll": pa.ListArray.from_arrays(offsets, tokens),
        }

    def embed(self, rows: Rows) -> Columns:
        return {
            **dict.fromkeys(("num_bytes", "num_tokens"), self.num_tokens[rows]),
            "pooling": ["mean"] * len(rows),
            "layer": np.full(len(rows), -1, np.int32),
            "vector": pa.FixedSizeListArray.from_arrays(self.vectors[rows].ravel(), WIDTH),
        }


def names(rows: Rows) -> list[str]:
    return [f"document {row}" for row in rows.tolist()]


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
        piece = shard.pieces[0]
        rows = np.arange(piece.row_start, piece.row_start + (shard.num_rows or 0))
        _commit(session.folder, shard.name, numbers, rows, piece.source, tables)
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
    rows: Rows,
    source: str,
    tables: Sequence[Table],
) -> None:
    """Whole columns at a time: a sink, which takes rows, would be most of a test's time."""
    common = {
        "document_id": names(rows),
        "source_row": rows,
        "kind": [GROUPS[row % len(GROUPS)] for row in rows.tolist()],
        "status": ["ok"] * len(rows),
    }
    columns: dict[str, Columns] = {
        "score": {**common, **numbers.score(rows)},
        "segments": numbers.segments(rows),
        "embed": {**common, **numbers.embed(rows)},
    }
    files = tuple(_file(folder, shard, t, columns[t.name], source) for t in tables)
    tokens = int(numbers.num_tokens[rows].sum())
    counted = dict.fromkeys(("num_tokens", "num_bytes", "num_chars", "num_words"), tokens)
    receipt = Receipt(
        shard=shard,
        attempt="a" * 32,
        files=files,
        counts=Counts(len(rows), len(rows), len(rows), 0, tokens),
        sums={**counted, "nll": float(numbers.nll[rows].sum()), "num_documents": len(rows)},
        worker=f"host:{int(shard) % 4}",
        seconds=10.0,
        finished_at=f"2026-01-02T03:{10 + int(shard):02}:00+00:00",
    )
    assert Ledger(folder).commit(receipt)


def _file(folder: RunFolder, shard: str, table: Table, columns: Columns, source: str) -> FileEntry:
    schema = arrow_schema(recorded((table,))[table.name])
    number = len(columns["document_id"])
    columns = {**columns, "source": [source] * number}
    path = Path(folder.root) / table.name / f"{shard}-{'a' * 8}.parquet"
    path.parent.mkdir(exist_ok=True)
    rows = pa.table({name: columns[name] for name in schema.names}, schema=schema)
    pq.write_table(rows, path, row_group_size=GROUP_ROWS)
    data = path.read_bytes()
    place = f"{table.name}/{path.name}"
    return FileEntry(table.name, place, number, len(data), sha256(data).hexdigest())

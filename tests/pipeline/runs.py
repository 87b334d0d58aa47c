"""Small finished runs, built from rows without an engine."""

from collections.abc import Iterable, Sequence

from longriver.pipeline.document import DeadLetter
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.order import Order, recorded
from longriver.pipeline.receipt import Counts, FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.sink import ShardSink
from longriver.pipeline.table import Column, Row, Table

SCORE = Table(
    "score",
    (
        Column("document_id", "string"),
        Column("source", "string"),
        Column("source_row", "int64"),
        Column("num_bytes", "int64"),
        Column("num_chars", "int64"),
        Column("num_words", "int64"),
        Column("num_tokens", "int64"),
        Column("nll", "float64"),
        Column("domain", "string"),
    ),
)
SEGMENTS = Table("segments", (Column("document_id", "string"), Column("nll", "float64")))
TABLES = (SCORE, SEGMENTS)
SUMMED = ("nll", "num_bytes", "num_chars", "num_words", "num_tokens")


def order(**semantic: object) -> Order:
    return Order(
        created_at="2026-01-02T03:04:05+00:00",
        order={"job": {"kind": "score"}},
        fingerprints={"model": "a" * 64, "tokenizer": "b" * 64, "inputs": "c" * 64},
        semantic={"job.segment_tokens": 1024, **semantic},
        tables=recorded(TABLES),
    )


def new_folder(url: str) -> RunFolder:
    folder = RunFolder.open(url)
    folder.claim(order())
    return folder


def score_row(index: int, source: str = "a.parquet", domain: str | None = "prose") -> Row:
    return {
        "document_id": f"{source}:{index}",
        "source": source,
        "source_row": index,
        "num_bytes": 10 + index,
        "num_chars": 9 + index,
        "num_words": 2,
        "num_tokens": 5,
        "nll": 0.1 * (index + 1),
        "domain": domain,
    }


def dead_letter(row: int, source: str = "a.parquet", num_rows: int = 1) -> DeadLetter:
    return DeadLetter(f"{source}:{row}", source, row, num_rows, "null_text", "the cell is null")


def receipt_of(
    shard: str,
    attempt: str,
    files: Sequence[FileEntry] = (),
    rows: Sequence[Row] = (),
    num_dead: int = 0,
) -> Receipt:
    numbers = {name: _sum(float(str(row[name])) for row in rows) for name in SUMMED}
    return Receipt(
        shard=shard,
        attempt=attempt,
        files=tuple(files),
        counts=Counts(len(rows) + num_dead, len(rows), len(rows), num_dead, 5 * len(rows)),
        sums=numbers,
        worker="host:1",
        seconds=0.1,
        finished_at=f"2026-01-02T03:04:{int(shard):02}+00:00",
    )


def commit_shard(
    folder: RunFolder, shard: str, rows: Sequence[Row], dead: Sequence[DeadLetter] = ()
) -> Receipt:
    """Does a whole shard: its rows, a segment for each, dead letters, receipt."""
    sink = ShardSink(folder, shard, TABLES, folder.read_order().metadata)
    for row in rows:
        sink.write("score", row)
        sink.write("segments", {"document_id": row["document_id"], "nll": row["nll"]})
    for letter in dead:
        sink.write_dead(letter)
    num_dead = sum(letter.num_rows for letter in dead)
    receipt = receipt_of(shard, sink.attempt, sink.close(), rows, num_dead)
    assert Ledger(folder).commit(receipt)
    return receipt


def _sum(values: Iterable[float]) -> float:
    """One after the other, as an attempt adds; newer Pythons' ``sum`` is more exact than that."""
    total = 0.0
    for value in values:
        total += value
    return total

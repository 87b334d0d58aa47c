"""The plan on disk: one Parquet row for each piece, so that every restart reads the same shards."""

import itertools
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.engine.errors import PlanMismatch
from longriver.pipeline.damage import is_damage
from longriver.pipeline.one_line import one_line
from longriver.pipeline.plan import Plan
from longriver.pipeline.shard import Piece, Shard

VERSION = "2"

UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""What garbled bytes come to, beside Arrow's own errors."""

SCHEMA = pa.schema(
    [
        pa.field("shard", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("row_start", pa.int64(), nullable=False),
        pa.field("num_rows", pa.int64()),
        pa.field("num_bytes", pa.int64(), nullable=False),
        pa.field("problem", pa.string()),
        pa.field("skip", pa.int64(), nullable=False),
        pa.field("file_bytes", pa.int64(), nullable=False),
        pa.field("file_version", pa.string(), nullable=False),
    ]
)

PIECE_FIELDS = SCHEMA.names[1:]
BATCH_ROWS = 1 << 16


def write_plan(plan: Plan, sink: BinaryIO) -> None:
    """Writes a plan, some pieces at a time."""
    facts = {
        "longriver.plan_version": VERSION,
        "longriver.shard_bytes": str(plan.shard_bytes),
        "longriver.input_fingerprint": plan.fingerprint,
        "longriver.plan_sha256": _digest(plan),
    }
    rows = ((shard.index, piece) for shard in plan.shards for piece in shard.pieces)
    with pq.ParquetWriter(sink, SCHEMA.with_metadata(facts), compression="zstd") as writer:
        while some := list(itertools.islice(rows, BATCH_ROWS)):
            writer.write_batch(_batch(some))


def read_plan(source: BinaryIO) -> Plan:
    """Reads what ``write_plan`` wrote.

    Raises:
        PlanMismatch: a file of another version, or not, or no longer, a plan.
    """
    try:
        plan, digest = _read(source)
    except Exception as error:
        if not (is_damage(error) or isinstance(error, UNREADABLE)):
            raise
        raise _not_whole(one_line(error)) from error
    if digest != _digest(plan):
        raise _not_whole("its content is not what was written")
    return plan


def _read(source: BinaryIO) -> tuple[Plan, str]:
    with pq.ParquetFile(source) as parquet:
        facts = parquet.schema_arrow.metadata or {}
        _require_version(facts.get(b"longriver.plan_version", b"none").decode())
        if parquet.schema_arrow.remove_metadata() != SCHEMA:
            raise ValueError("its columns are not a plan's")
        plan = Plan(
            shards=tuple(_shards(parquet)),
            shard_bytes=int(facts[b"longriver.shard_bytes"]),
            fingerprint=facts[b"longriver.input_fingerprint"].decode(),
        )
        return plan, facts[b"longriver.plan_sha256"].decode()


def _digest(plan: Plan) -> str:
    """Of everything that a plan says; Parquet alone does not notice every garbled byte."""
    digest = sha256(f"{plan.shard_bytes} {plan.fingerprint}".encode())
    for shard in plan.shards:
        facts = [[getattr(piece, name) for name in PIECE_FIELDS] for piece in shard.pieces]
        digest.update(json.dumps([shard.index, facts]).encode())
    return digest.hexdigest()


def _not_whole(why: str) -> PlanMismatch:
    return PlanMismatch(f"plan.parquet cannot be read ({why}); use a new output.path")


def _batch(rows: list[tuple[int, Piece]]) -> pa.RecordBatch:
    shards = [pa.array([shard for shard, _ in rows], pa.int64())]
    columns = [
        pa.array([getattr(piece, name) for _, piece in rows], SCHEMA.field(name).type)
        for name in PIECE_FIELDS
    ]
    return pa.RecordBatch.from_arrays(shards + columns, schema=SCHEMA)


def _shards(parquet: pq.ParquetFile) -> Iterator[Shard]:
    for index, rows in itertools.groupby(_rows(parquet), key=lambda row: row[0]):
        yield Shard(index, tuple(piece for _, piece in rows))


def _rows(parquet: pq.ParquetFile) -> Iterator[tuple[int, Piece]]:
    for batch in parquet.iter_batches(BATCH_ROWS):
        shard, *columns = (column.to_pylist() for column in batch.columns)
        for index, *fields in zip(shard, *columns, strict=True):
            yield index, Piece(**dict(zip(PIECE_FIELDS, fields, strict=True)))


def _require_version(found: str) -> None:
    if found != VERSION:
        raise PlanMismatch(
            f"plan.parquet has version {found}, this longriver writes {VERSION}; "
            "use a new output.path, or the longriver that made it"
        )

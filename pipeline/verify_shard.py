"""One committed shard against its files: sizes, hashes, row counts, and no document twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import DEAD

READ_BYTES = 1 << 20

Place = tuple[str, int]
"""A document's source and row."""


@dataclass(frozen=True, slots=True)
class ShardFindings:
    """What is wrong with a shard, a line each, and the places of its first and last document."""

    problems: tuple[str, ...]
    first: Place | None = None
    last: Place | None = None


def verify_shard(
    folder: RunFolder, receipt: Receipt, first_table: str, num_rows: int | None
) -> ShardFindings:
    """Holds a receipt against storage; ``num_rows`` is what the plan says, None if it cannot."""
    problems = [*_count_problems(receipt, first_table, num_rows)]
    file_problems = [p for entry in receipt.files for p in _file_problems(folder, entry)]
    if file_problems:
        return ShardFindings((*problems, *file_problems))
    places = _Places(receipt.shard)
    for source, row in _places(folder, receipt, first_table):
        places.add(source, row)
    problems += [*places.problems, *_dead_problems(folder, receipt)]
    return ShardFindings(tuple(problems), places.first, places.last)


def _count_problems(receipt: Receipt, first_table: str, num_rows: int | None) -> Iterator[str]:
    counts, name = receipt.counts, f"shard {receipt.shard}"
    if num_rows is not None and counts.num_rows_in != num_rows:
        yield f"{name}: {counts.num_rows_in} rows read, the plan has {num_rows}"
    if counts.num_rows_in != counts.num_rows_out + counts.num_dead:
        yield (
            f"{name}: {counts.num_rows_in} rows in, "
            f"but {counts.num_rows_out} out and {counts.num_dead} dead"
        )
    num_documents = sum(entry.num_rows for entry in receipt.files_of(first_table))
    if num_documents != counts.num_documents:
        yield (
            f"{name}: {counts.num_documents} documents, "
            f"but {num_documents} rows of table {first_table}"
        )


def _file_problems(folder: RunFolder, entry: FileEntry) -> Iterator[str]:
    try:
        digest, num_bytes = _digest(folder, entry)
    except OSError as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        yield f"{entry.path}: {what}"
        return
    if num_bytes != entry.num_bytes:
        yield f"{entry.path}: {num_bytes} bytes, the ledger says {entry.num_bytes}"
    elif digest != entry.sha256:
        yield f"{entry.path}: sha256 is {digest[:16]}…, the ledger says {entry.sha256[:16]}…"
    elif (num_rows := _num_rows(folder, entry)) != entry.num_rows:
        yield f"{entry.path}: {num_rows} rows, the ledger says {entry.num_rows}"


def _digest(folder: RunFolder, entry: FileEntry) -> tuple[str, int]:
    digest, num_bytes = sha256(), 0
    with folder.fs.open(folder.path(entry.path), "rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
            num_bytes += len(block)
    return digest.hexdigest(), num_bytes


def _num_rows(folder: RunFolder, entry: FileEntry) -> int:
    with folder.fs.open(folder.path(entry.path), "rb") as file:
        return int(pq.read_metadata(file).num_rows)


def _batches(
    folder: RunFolder, entries: Iterable[FileEntry], columns: list[str]
) -> Iterator[pa.RecordBatch]:
    for entry in entries:
        with folder.fs.open(folder.path(entry.path), "rb") as file:
            parquet = pq.ParquetFile(file)
            if set(columns) <= set(parquet.schema_arrow.names):
                yield from parquet.iter_batches(columns=columns)


def _places(folder: RunFolder, receipt: Receipt, first_table: str) -> Iterator[Place]:
    entries = receipt.files_of(first_table)
    for batch in _batches(folder, entries, ["source", "source_row"]):
        yield from zip(batch["source"].to_pylist(), batch["source_row"].to_pylist(), strict=True)


def _dead_problems(folder: RunFolder, receipt: Receipt) -> Iterator[str]:
    batches = _batches(folder, receipt.files_of(DEAD.name), ["num_rows"])
    num_dead = sum(sum(batch["num_rows"].to_pylist()) for batch in batches)
    if num_dead != receipt.counts.num_dead:
        yield (
            f"shard {receipt.shard}: {receipt.counts.num_dead} rows dead, "
            f"but the table dead accounts for {num_dead}"
        )


class _Places:
    """Documents leave in document order, so a row that does not rise within its source is double.

    Memory is a number per source, not per document.
    """

    def __init__(self, shard: str) -> None:
        self.problems: list[str] = []
        self.first: Place | None = None
        self.last: Place | None = None
        self._shard = shard
        self._last_rows: dict[str, int] = {}

    def add(self, source: str, row: int) -> None:
        if row <= self._last_rows.get(source, -1):
            self.problems.append(f"shard {self._shard}: {source} row {row} is doubled or misplaced")
        self._last_rows[source] = row
        self.first = self.first or (source, row)
        self.last = (source, row)

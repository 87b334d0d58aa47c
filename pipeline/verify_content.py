"""One committed shard read again in full: bytes, rows, their order, and what they add up to."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from longriver.pipeline.one_line import one_line
from longriver.pipeline.places import Places
from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import DEAD
from longriver.pipeline.verify_shard import ShardFindings

READ_BYTES = 1 << 20
BATCH_ROWS = 8192


def verify_content(folder: RunFolder, receipt: Receipt, tables: tuple[str, ...]) -> ShardFindings:
    """Reads every file of a shard whose files are all there.

    Args:
        tables: their names, the one with a row a document first.
    """
    problems = [p for entry in receipt.files for p in _hash_problems(folder, entry)]
    if problems:
        return ShardFindings(receipt.shard, tuple(problems))
    places = Places(receipt.shard)
    totals = _Totals()
    try:
        for batch in _batches(folder, receipt.files_of(DEAD.name)):
            places.add_dead(batch)
        for batch in _batches(folder, receipt.files_of(tables[0])):
            places.add(batch)
            totals.add(batch)
        for table in tables[1:]:
            _read_table(folder, receipt, table, places)
    except (pa.ArrowException, OSError) as error:
        places.problems.append(f"shard {receipt.shard}: cannot be read: {one_line(error)}")
    else:
        places.problems += [*_dead_problems(receipt, places), *totals.problems(receipt)]
    return ShardFindings(receipt.shard, tuple(places.problems), tuple(places.spans))


def _hash_problems(folder: RunFolder, entry: FileEntry) -> Iterator[str]:
    digest = sha256()
    try:
        with folder.fs.open(folder.path(entry.path), "rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
    except OSError as error:
        yield f"{entry.path}: cannot be read: {one_line(error)}"
        return
    if (found := digest.hexdigest()) != entry.sha256:
        yield f"{entry.path}: sha256 is {found[:16]}…, the ledger says {entry.sha256[:16]}…"


def _batches(folder: RunFolder, entries: Iterable[FileEntry]) -> Iterator[pa.RecordBatch]:
    """Every row of the files, decoded in full."""
    for entry in entries:
        with folder.fs.open(folder.path(entry.path), "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
                batch.validate(full=True)
                yield batch


def _read_table(folder: RunFolder, receipt: Receipt, table: str, places: Places) -> None:
    """A table other than the first: its documents are the first table's, in the same order."""
    if table == DEAD.name:
        return
    belongs = places.follower(table)
    for batch in _batches(folder, receipt.files_of(table)):
        belongs.add(batch)


def _dead_problems(receipt: Receipt, places: Places) -> Iterator[str]:
    if places.num_dead != receipt.counts.num_dead:
        yield (
            f"shard {receipt.shard}: {receipt.counts.num_dead} rows dead, "
            f"but the table dead accounts for {places.num_dead}"
        )


class _Totals:
    """Adds up the first table's numbers as the attempt did: in document order, in float64."""

    def __init__(self) -> None:
        self.num_rows = 0
        self.sums: dict[str, float] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        self.num_rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                values = column.to_numpy(zero_copy_only=False)
                begun = [self.sums.get(name, 0)]
                self.sums[name] = np.add.accumulate(np.concatenate([begun, values]))[-1].item()

    def problems(self, receipt: Receipt) -> Iterator[str]:
        """Only what a receipt sums is compared."""
        found = {**self.sums, "num_documents": self.num_rows}
        for name, expected in receipt.sums.items():
            if name in found and found[name] != expected:
                yield (
                    f"shard {receipt.shard}: {name} adds up to {found[name]!r}, "
                    f"the ledger says {expected!r}"
                )
        num_tokens = found.get("num_tokens", receipt.counts.num_tokens)
        if num_tokens != receipt.counts.num_tokens:
            yield (
                f"shard {receipt.shard}: {receipt.counts.num_tokens} tokens, but its rows have "
                f"{num_tokens:.0f}"
            )

"""Which documents of a run could not be done, by shard and reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq

from longriver.engine.errors import RunFailed
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.table import DEAD

NUM_READERS = 16


def reasons_by_shard(folder: RunFolder, receipts: Iterable[Receipt]) -> Mapping[str, Counter[str]]:
    """Counts dead letters by reason, for each committed shard that has any."""
    with_dead = [receipt for receipt in receipts if receipt.files_of(DEAD.name)]

    def read(receipt: Receipt) -> Counter[str]:
        return Counter(
            reason
            for entry in receipt.files_of(DEAD.name)
            for reason in _reasons(folder, entry.path)
        )

    with ThreadPoolExecutor(NUM_READERS) as pool:
        found = pool.map(read, with_dead)
        return {r.shard: counts for r, counts in zip(with_dead, found, strict=True)}


def total(by_shard: Mapping[str, Counter[str]]) -> dict[str, int]:
    """Of the whole run, the most frequent reason first."""
    counts = sum(by_shard.values(), Counter[str]())
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _reasons(folder: RunFolder, path: str) -> list[str]:
    try:
        with folder.fs.open(folder.path(path), "rb") as file:
            reasons: list[str] = pq.read_table(file, columns=["reason"])["reason"].to_pylist()
            return reasons
    except FileNotFoundError as error:
        raise RunFailed(
            f"{folder.url}/{path} is missing, though the ledger names it; "
            f"longriver verify output.path={folder.url} says what else is"
        ) from error

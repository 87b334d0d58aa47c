"""What nobody needs any more in a run folder, and its removal.

Files are listed first and the ledger is read then: what is committed in between is named by then.
A file of a shard that is committed can never be named later, for the first receipt stands. A file
of one that is not may be an attempt's at work, so nobody else may be: ``find_garbage`` is right
about these only while the caller holds the run's lock and has listed before taking it.
"""

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from longriver.pipeline.listing import RESULT
from longriver.pipeline.receipt import Receipt
from longriver.pipeline.run_folder import RunFolder

RESULTS = "result files"
SNAPSHOTS = "snapshots"
CRUMBS = "crumbs"
TEMPORARY = "temporary files"
NUM_REMOVERS = 16

KINDS = (RESULTS, SNAPSHOTS, CRUMBS, TEMPORARY)

OF_SHARD = re.compile(r"(snapshots|crumbs)/([0-9]{6,})/[^/]+")
UNNAMED = re.compile(
    r"(?:(?:ledger|lock|(?:snapshots|crumbs)/[0-9]{6,})/)?\.[^/]+\.[0-9a-f]{32}\.tmp"
)
"""What ``exclusive`` writes before it gives a file its name."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file that nobody needs, by path relative to the run folder."""

    kind: str
    path: str
    num_bytes: int


def find_garbage(
    folder: RunFolder, sizes: Mapping[str, int], receipts: Iterable[Receipt]
) -> list[Garbage]:
    """Files that longriver wrote and that no receipt, and no attempt to come, needs.

    Nothing that longriver does not write is among them, whatever lies there.

    Args:
        sizes: of all files, listed before the receipts were read.
    """
    receipts = list(receipts)
    named = {entry.path for receipt in receipts for entry in receipt.files}
    committed = {receipt.shard for receipt in receipts}
    tables = set(folder.read_order().tables)
    judged = {path: _kind(path, tables, committed) for path in sizes if path not in named}
    return [Garbage(kind, path, sizes[path]) for path, kind in judged.items() if kind is not None]


def remove(folder: RunFolder, garbage: Iterable[Garbage]) -> None:
    """Removes files; one that is gone already is no error.

    Raises:
        RunFailed: the storage does not let this user.
    """

    def remove_one(found: Garbage) -> None:
        with suppress(FileNotFoundError):
            folder.fs.rm_file(folder.path(found.path))

    with folder.fs.writing(), ThreadPoolExecutor(NUM_REMOVERS) as pool:
        for _ in pool.map(remove_one, garbage):
            pass


def _kind(path: str, tables: set[str], committed: set[str]) -> str | None:
    """Of a file that no receipt names; None: it stays."""
    if match := RESULT.fullmatch(path):
        return RESULTS if match[1] in tables else None
    if UNNAMED.fullmatch(path):
        return TEMPORARY
    match = OF_SHARD.fullmatch(path)
    return match[1] if match and match[2] in committed else None

"""Whether every file that the ledger names lies there whole, as far as a listing tells."""

from collections.abc import Iterable, Iterator

from longriver.engine.errors import RunFailed
from longriver.pipeline.receipt import FileEntry, Receipt
from longriver.pipeline.run_folder import RunFolder


class FileLost(RunFailed):
    """A result file that was committed is gone, or shorter or longer than it was."""


def check_files(folder: RunFolder, receipts: Iterable[Receipt]) -> None:
    """Compares sizes by one listing for each table; ``longriver verify`` reads the bytes too.

    Raises:
        FileLost: with the way out.
    """
    sizes: dict[str, dict[str, int]] = {}
    for receipt in receipts:
        for entry in receipt.files:
            if entry.table not in sizes:
                sizes[entry.table] = dict(_sizes(folder, entry.table))
            found = sizes[entry.table].get(folder.path(entry.path))
            _check(folder, receipt.shard, entry, _size(folder, entry) if found is None else found)


def _sizes(folder: RunFolder, table: str) -> Iterator[tuple[str, int]]:
    for path, info in folder.fs.find(folder.path(table), detail=True).items():
        yield path, info["size"]


def _size(folder: RunFolder, entry: FileEntry) -> int | None:
    """Of a file that a listing does not show, perhaps because it lags behind."""
    path = folder.path(entry.path)
    return int(folder.fs.info(path)["size"]) if folder.exists(path) else None


def _check(folder: RunFolder, shard: str, entry: FileEntry, found: int | None) -> None:
    if found == entry.num_bytes:
        return
    what = "is missing" if found is None else f"has {found} bytes, {entry.num_bytes} were written"
    raise FileLost(
        f"{folder.url}/{entry.path} {what}; delete {folder.url}/ledger/{shard}.json and run the "
        "same command again: that shard alone is then done once more"
    )

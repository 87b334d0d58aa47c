"""Taking back commits, so that the next run does these shards again."""

from collections.abc import Iterable
from contextlib import suppress

from longriver.pipeline.crumbs import Crumbs
from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.exclusive import sync_folder
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.run_folder import RunFolder


def withdraw(lock: DriverLock, shards: Iterable[str]) -> None:
    """Removes what says that the run is complete, then crumbs and receipt of each shard.

    Whatever comes between leaves a run that is not complete, which any run of the order ends. The
    shards' files stay behind as orphans.

    Raises:
        RunFailed: the lock is lost, or the storage does not let this user.
    """
    shards, folder = list(shards), lock.folder
    if not shards:
        return
    lock.require()
    with folder.fs.writing():
        for path in (folder.success_path, folder.summary_path, folder.report_path):
            _remove(folder, path)
        for shard in shards:
            Crumbs(folder, shard).clear()
            _remove(folder, Ledger(folder).path(shard))


def _remove(folder: RunFolder, path: str) -> None:
    """Removes a file for good, so that none that went before it comes back after a power cut."""
    with suppress(FileNotFoundError):
        folder.fs.rm_file(path)
        if folder.fs.is_local:
            sync_folder(path)

"""Commits by the driver, where a storage does not create exclusively."""

from contextlib import suppress

from longriver.pipeline.driver_lock import DriverLock
from longriver.pipeline.ledger import Ledger
from longriver.pipeline.receipt import Receipt


def settle(lock: DriverLock, receipt: Receipt) -> Receipt:
    """Enters a worker's receipt into the ledger; returns the one that counts.

    The files of an attempt that came second are removed, as its worker would have done.

    Raises:
        RunFailed: the lock is lost, or the storage refuses.
    """
    lock.require()
    counts = Ledger(lock.folder).enter(receipt)
    if counts.attempt != receipt.attempt:
        for entry in receipt.files:
            with suppress(OSError):
                lock.folder.fs.rm_file(lock.folder.path(entry.path))
    return counts

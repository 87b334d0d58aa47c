"""The lock of a run folder: one driver at a time, and a dead one's lock passes on.

A lock is a file ``lock/N.json`` that its holder writes anew every few seconds. The highest N is the
lock; who takes over a dead holder's creates N + 1, so of several only one can. No clock of one
machine is compared with another's: a holder is dead if its file stays the same for ``DEAD_S``
seconds of the observer's own clock, or if it ran on this machine and is gone.

Where creating is exclusive the lock saves work and no more: the ledger alone keeps two drivers
from doubling a row. Other storages get the same lock by writing, waiting ``SETTLE_S`` and reading
back, so of two that write at once the later one holds it; there the driver alone writes the ledger,
looks at the lock before each entry, and stops by itself when it could give no sign of life for
half of ``DEAD_S``. Such a storage has to show a written file to everybody within ``SETTLE_S``, and
finish or drop a write within half of ``DEAD_S``.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.exclusive import (
    claims_to_create_exclusively,
    create_exclusive,
    write_atomic,
)
from longriver.pipeline.lock_holder import Holder, Pulse
from longriver.pipeline.one_line import one_line
from longriver.pipeline.run_folder import RunFolder

logger = logging.getLogger(__name__)

BEAT_S = 10.0
LOOK_S = 2.0
SETTLE_S = 2.0
DEAD_S = 60.0

Commits = Literal["worker", "driver"]
"""Who creates ledger entries: workers, or the driver for them, as the only writer there is."""


@dataclass(frozen=True, slots=True)
class Times:
    """Where a lock's time comes from; tests have a clock of their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class DriverLock:
    """Held while the context lasts.

    Raises:
        OrderError: another driver holds it, or the storage refuses.
    """

    def __init__(
        self, folder: RunFolder, times: Times | None = None, holder: Holder | None = None
    ) -> None:
        self.folder, self.times = folder, times or Times()
        self.holder = holder or Holder.this_process()
        self.commits: Commits = "worker"
        self._number = 0
        self._is_new = False
        self._refreshed_s = 0.0
        self._loss: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="longriver-lock", daemon=True)

    def __enter__(self) -> Self:
        self.folder.refuse_foreign()
        self._is_new = not self.folder.exists(self.folder.root)
        with self.folder.told("cannot be written", "give a folder that this user may write"):
            self._take()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        try:
            self._let_go()
        except Exception as failure:
            # the next driver finds this process gone, or its file unchanged, and takes over
            logger.warning("%s: the lock stays behind: %s", self.folder.name, one_line(failure))

    def check(self) -> None:
        """Raises RunFailed when the lock is lost, or may be; cheap, to be called often."""
        silent_s = self.times.clock() - self._refreshed_s
        if self.commits == "driver" and silent_s > DEAD_S / 2:
            self._loss = self._loss or f"storage took no sign of life for {silent_s:.0f} s"
        if self._loss is not None:
            raise RunFailed(
                f"{self.folder.name}: lost the lock of the run folder: {self._loss}; what is "
                "committed stays, run the same command again when no other longriver is at work "
                "on it"
            )

    def require(self) -> None:
        """``check`` by a look at storage; for what only the holder may do."""
        self._look()
        self.check()

    def refresh(self) -> None:
        """Gives a sign of life, unless the lock is another's by now."""
        began_s = self.times.clock()
        self._look()
        if self._loss is None:
            self.holder = self.holder.next_beat()
            write_atomic(self.folder.fs, self._path(self._number), self.holder.to_json())
            self._refreshed_s = began_s

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S) and self._loss is None:
            try:
                self.refresh()
            except Exception as error:  # the next beat may succeed; ``check`` knows how long ago
                logger.warning("%s: no sign of life: %s", self.folder.name, one_line(error))

    def _take(self) -> None:
        """Takes the lock, or watches another's until it moves or is dead."""
        watch = _Watch(self.times)
        while True:
            began_s = self.times.clock()
            number = self._highest()
            data = self._read(number) if number else None
            if (number == 0 or (data is not None and self._is_dead(data, watch))) and (
                self._create(number + 1)
            ):
                self._refreshed_s = began_s
                self._tidy(number)
                return
            self.times.sleep(LOOK_S)

    def _is_dead(self, data: bytes, watch: "_Watch") -> bool:
        """Raises OrderError as soon as there is a sign of life."""
        holder = _holder_or_none(data)
        pulse = Pulse.UNKNOWN if holder is None else holder.pulse
        if pulse is Pulse.ALIVE or watch.has_moved(data):
            raise OrderError(
                f"{self.folder.name}: another longriver ({holder or 'unknown'}) is at work on this "
                "folder; wait for it, or stop it"
            )
        who = holder or "somebody"
        if pulse is Pulse.GONE or watch.still_s >= DEAD_S:
            logger.warning("%s: takes over the lock of %s", self.folder.name, who)
            return True
        if watch.still_s == 0:
            logger.warning("%s: locked by %s; waiting for a sign of life", self.folder.name, who)
        return False

    def _create(self, number: int) -> bool:
        """Whether lock file ``number`` is this holder's now; also finds out who is to commit.

        A second create of the same file must be refused where creating is exclusive.
        """
        fs, path, data = self.folder.fs, self._path(number), self.holder.to_json()
        created = create_exclusive(fs, path, data)
        overwrites = created and create_exclusive(fs, path, data)
        if overwrites or not claims_to_create_exclusively(fs):
            self.commits = "driver"
            self.times.sleep(SETTLE_S)
        self._number = number
        return self._is_mine()

    def _is_mine(self) -> bool:
        data = self._read(self._number)
        holder = None if data is None else _holder_or_none(data)
        return holder is not None and holder.token == self.holder.token

    def _look(self) -> None:
        if self._highest() > self._number or not self._is_mine():
            self._loss = "another longriver has taken over"

    def _let_go(self) -> None:
        if self._is_mine():
            self._tidy(self._number)
        if self.folder.fs.is_local:
            with suppress(OSError):  # not empty, as folders of a run that has begun are
                os.rmdir(self.folder.lock_path)
                if self._is_new:
                    os.rmdir(self.folder.root)

    def _tidy(self, number: int) -> None:
        """Removes a lock file, which may be gone already: an answer was lost, a zombie tidied."""
        with suppress(FileNotFoundError):
            if number:
                self.folder.fs.rm_file(self._path(number))

    def _highest(self) -> int:
        try:
            paths = self.folder.fs.ls(self.folder.lock_path, detail=False)
        except FileNotFoundError:
            return 0
        names = (path.rpartition("/")[2].removesuffix(".json") for path in paths)
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def _read(self, number: int) -> bytes | None:
        try:
            return self.folder.fs.cat_file(self._path(number))
        except FileNotFoundError:
            return None

    def _path(self, number: int) -> str:
        return f"{self.folder.lock_path}/{number:06d}.json"


class _Watch:
    """How long a file has been the same, by the observer's clock."""

    def __init__(self, times: Times) -> None:
        self.times = times
        self.data: bytes | None = None
        self.since_s = 0.0
        self.still_s = 0.0

    def has_moved(self, data: bytes) -> bool:
        now_s = self.times.clock()
        if self.data is None:
            self.data, self.since_s = data, now_s
        self.still_s = now_s - self.since_s
        return data != self.data


def _holder_or_none(data: bytes) -> Holder | None:
    try:
        return Holder.from_json(data)
    except ValueError:
        return None

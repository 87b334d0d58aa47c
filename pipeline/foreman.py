"""Keeps a crew at work: hires, hands out leases, replaces who is lost, ends in order."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longriver.engine.errors import OrderError, RunFailed
from longriver.pipeline.convictions import Convictions
from longriver.pipeline.crew import Beat, Crew, Done, Event, Left, Lost, Up, WorkerId
from longriver.pipeline.crumbs import Crumbs
from longriver.pipeline.dispatcher import MAX_ATTEMPTS, Dispatcher, Limits, TooManyAttempts
from longriver.pipeline.drain import Drain, Drained
from longriver.pipeline.one_line import one_line
from longriver.pipeline.run_folder import RunFolder
from longriver.pipeline.shard import Shard
from longriver.pipeline.workforce import OnProgress, OnReceipt, ShardFailed, not_started

logger = logging.getLogger(__name__)

POLL_S = 0.5
PATIENCE_S = 20.0
"""So long every worker is waited for at the start; then those that are up begin."""

DRAIN_S = 60.0
"""So long workers have to save what they can, once the end has been asked for."""


@dataclass(frozen=True, slots=True)
class Staff:
    """How many workers there are to be.

    min_workers: work begins when so many are up.
    max_workers: never more than these, nor more than there are shards.
    """

    min_workers: int
    max_workers: int


class Hung(Exception):
    """A worker stood still for so long that it was given up."""


class Foreman:
    """Does shards with a crew.

    Args:
        clock: seconds that never go back.
    """

    def __init__(
        self,
        crew: Crew,
        folder: RunFolder,
        staff: Staff,
        limits: Limits,
        drain: Drain,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.crew, self.folder, self.staff = crew, folder, staff
        self.clock, self.drain = clock, drain
        self.convictions = Convictions(folder, limits.max_convicted)
        self.books = Dispatcher(limits, self.convictions.of)

    def start(self, num_shards: int) -> None:
        """Waits for the least number of workers as long as it takes, for the rest a while.

        Raises:
            OrderError, RunFailed: what a worker said of the order, or that none could start.
        """
        wanted = min(self.staff.max_workers, num_shards)
        self._await(wanted, wanted, PATIENCE_S)
        if self.books.num_up < wanted:
            self._tell_of_late(wanted)
            self._await(min(self.staff.min_workers, wanted), wanted)

    def _await(self, needed: int, wanted: int, patience_s: float = math.inf) -> None:
        """Until so many are up; hires as many as are wanted, and others for those that are lost."""
        give_up_s = self.clock() + patience_s
        while self.books.num_up < needed and self.clock() < give_up_s:
            self._hire_up_to(wanted)
            self._hear(self.crew.events(POLL_S), _no_receipt)

    def work(self, shards: Sequence[Shard], on_receipt: OnReceipt, on_progress: OnProgress) -> None:
        self.books.add(shards)
        with self.drain.armed():
            while not self.books.is_finished:
                self._turn(on_receipt)
                on_progress(self.books.in_hand)
                if self.drain.is_asked:
                    self._drain(on_receipt)
                    raise Drained

    def _turn(self, on_receipt: OnReceipt) -> None:
        self._staff()
        self._hand_out()
        self._hear(self.crew.events(POLL_S), on_receipt)
        self._give_up_hung()

    def _staff(self) -> None:
        self._hire_up_to(min(self.staff.max_workers, self.books.num_useful))

    def _hire_up_to(self, wanted: int) -> None:
        for _ in range(wanted - len(self.books.hands)):
            self.books.hired(self.crew.hire(), self.clock())

    def _hand_out(self) -> None:
        for worker, lease in self.books.superfluous():
            self.crew.drop(worker, lease)
        for worker, lease in self.books.next_leases(self.clock()):
            if lease.rivals:
                logger.info("shard %s is slow, a second worker tries it too", lease.shard.name)
            self.crew.lease(worker, lease)

    def _hear(self, events: Sequence[Event], on_receipt: OnReceipt) -> None:
        now_s = self.clock()
        for event in events:
            match event:
                case Up():
                    self.books.up(event.worker, event.slow_step_s, now_s)
                case Beat():
                    self.books.beat(event.worker, event.pulse, now_s)
                case Done():
                    if self.books.done(event.worker, event.lease, now_s):
                        on_receipt(event.lease.shard, event.receipt)
                case Left():
                    self.books.left(event.worker, event.lease, now_s)
                case Lost():
                    self._lose(event)

    def _lose(self, lost: Lost) -> None:
        """Whatever went wrong, the worker goes: after a CUDA error one is good for nothing."""
        _raise_ours(lost.error)
        self.crew.dismiss(lost.worker)
        is_excused = lost.by_machine and self.books.may_excuse(lost.worker)
        if is_excused:
            self._excuse(lost.worker)
        try:
            shard = self.books.lost(lost.worker, is_to_blame=not is_excused)
        except TooManyAttempts as end:
            if end.shard is None:
                raise not_started(lost.error) from lost.error
            raise ShardFailed(end.shard, lost.error, end.num_attempts) from lost.error
        self._tell_of_loss(shard, lost)

    def _excuse(self, worker: WorkerId) -> None:
        """No document is to blame for the end of a machine."""
        for lease in self.books.hands[worker].leases:
            Crumbs(self.folder, lease.shard.name).take_away(lease.name)

    def _tell_of_loss(self, shard: Shard | None, lost: Lost) -> None:
        what = "a worker" if shard is None else f"shard {shard.name}"
        if shard is not None and not lost.by_machine:
            most = MAX_ATTEMPTS * (1 + self.convictions.found.get(shard.name, 0))
            what += f", attempt {self.books.failures[shard.name]} of {most}"
        if isinstance(lost.error, Drained):
            logger.warning("%s: the worker was asked to leave its machine", what)
        else:
            logger.warning("%s: %s: %s", what, type(lost.error).__name__, one_line(lost.error))

    def _give_up_hung(self) -> None:
        for worker in self.books.hung(self.clock()):
            seconds = self.clock() - self.books.hands[worker].moved_s
            self._lose(Lost(worker, Hung(f"stood still for {seconds:.0f} s")))

    def _drain(self, on_receipt: OnReceipt) -> None:
        """Has all workers save what they can and let go of their leases."""
        for worker in self.books.hands:
            self.crew.drain(worker)
        give_up_s = self.clock() + DRAIN_S
        while any(hand.leases for hand in self.books.hands.values()) and self.clock() < give_up_s:
            self._hear(self.crew.events(POLL_S), on_receipt)

    def _tell_of_late(self, wanted: int) -> None:
        late = wanted - self.books.num_up
        logger.warning(
            "%d of %d workers are not up after %g s: the cluster is busy, or loads slowly",
            late,
            wanted,
            PATIENCE_S,
        )


def _no_receipt(shard: Shard, receipt: object) -> None:
    raise AssertionError("no shard is leased yet")


def _raise_ours(error: Exception) -> None:
    """What a worker says in so many words needs no second try."""
    if isinstance(error, OrderError | RunFailed):
        raise error

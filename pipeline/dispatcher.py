"""Which worker does which shard, and what follows when things go wrong: no I/O, no clock."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from longriver.pipeline.crew import Pulse, WorkerId
from longriver.pipeline.lease import Lease
from longriver.pipeline.pace import LAG_S, Laggard, Rates
from longriver.pipeline.progress import Progress
from longriver.pipeline.shard import Shard

MAX_ATTEMPTS = 3
"""So often a shard may fail without finding out which document is to blame."""

MAX_EXCUSES = 10
"""A shard at which so many machines went is to blame for the next."""

MAX_STARTS = 3
"""So many workers in a row may fail to start."""

NUM_QUEUED = 2
"""Leases a worker holds, so that it need not wait for the driver between two shards."""

SLOWER = 20.0
"""A worker hangs if it stands still so many times longer than the longest step was."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is borne.

    hang_s: a worker that stands still for so long hangs, or for 20 times the longest step, if that
            is longer; None: no worker ever does.
    lag_s:  see ``Rates``.
    max_convicted: see ``Convictions``.
    """

    hang_s: float | None
    max_convicted: int
    lag_s: float = LAG_S


@dataclass(eq=False, slots=True)
class Hand:
    """A worker that has been hired.

    leases:      the first is in hand, the second waits behind it.
    moved_s:     when it was last seen to get on.
    slow_step_s: see ``Up``.
    begun_s:     when the lease in hand came into it.
    """

    moved_s: float
    is_up: bool = False
    slow_step_s: float = 0.0
    leases: deque[Lease] = field(default_factory=deque)
    pulse: Pulse = field(default_factory=Pulse)
    has_stepped: bool = False
    begun_s: float = 0.0


class TooManyAttempts(Exception):
    """A shard failed again and again; ``shard`` is None when it was the start of workers."""

    def __init__(self, shard: Shard | None, num_attempts: int) -> None:
        super().__init__(shard, num_attempts)
        self.shard, self.num_attempts = shard, num_attempts


class Dispatcher:
    """Keeps the books of a run's leases; the caller says what happened, and when, in seconds.

    Args:
        num_convicted: documents of a shard that were found to kill workers; each of them gives the
            shard three attempts more.
    """

    def __init__(self, limits: Limits, num_convicted: Callable[[Shard], int]) -> None:
        self.limits, self.num_convicted = limits, num_convicted
        self.waiting: deque[Shard] = deque()
        self.hands: dict[WorkerId, Hand] = {}
        self.failures: Counter[str] = Counter()
        self.excuses: Counter[str] = Counter()
        self.committed: set[str] = set()
        self.rates = Rates(limits.lag_s)
        self.longest_step_s = 0.0
        self.num_failed_starts = 0

    # what the caller tells

    def add(self, shards: Iterable[Shard]) -> None:
        """Shards to be done, begun in this order."""
        self.waiting.extend(shards)

    def hired(self, worker: WorkerId, now_s: float) -> None:
        self.hands[worker] = Hand(now_s)

    def up(self, worker: WorkerId, slow_step_s: float, now_s: float) -> None:
        hand = self.hands[worker]
        hand.is_up, hand.slow_step_s, hand.moved_s = True, slow_step_s, now_s
        self.num_failed_starts = 0

    def beat(self, worker: WorkerId, pulse: Pulse, now_s: float) -> None:
        hand = self.hands.get(worker)
        if hand is None or not hand.leases:
            return
        if pulse.num_beats != hand.pulse.num_beats:
            self.longest_step_s = max(self.longest_step_s, now_s - hand.moved_s)
            hand.has_stepped = hand.has_stepped or pulse.so_far.num_tokens > 0
            hand.moved_s = now_s
        hand.pulse = pulse

    def done(self, worker: WorkerId, lease: Lease, now_s: float) -> bool:
        """Whether this is the first that is heard of the shard's commit."""
        hand = self.hands[worker]
        self.rates.add(lease.shard.num_bytes, now_s - hand.begun_s)
        self._ended(hand, lease, now_s)
        is_first = lease.shard.name not in self.committed
        self.committed.add(lease.shard.name)
        return is_first

    def left(self, worker: WorkerId, lease: Lease, now_s: float) -> None:
        self._ended(self.hands[worker], lease, now_s)
        self._put_back([lease])

    def may_excuse(self, worker: WorkerId) -> bool:
        """Whether a machine may still be to blame for the worker's end, after all that went."""
        leases = self.hands[worker].leases
        return not leases or self.excuses[leases[0].shard.name] < MAX_EXCUSES

    def lost(self, worker: WorkerId, *, is_to_blame: bool) -> Shard | None:
        """Takes note that a worker is no more; its shards are leased again, first in the queue.

        Returns:
            The shard that it was at.

        Raises:
            TooManyAttempts: the shard, or the start of workers, failed once too often.
        """
        hand = self.hands.pop(worker)
        in_hand = hand.leases[0].shard if hand.leases else None
        self._put_back(hand.leases)
        if in_hand is not None:
            self._count_loss(in_hand, is_to_blame)
        elif is_to_blame and not hand.is_up:
            self._blame_start()
        return in_hand

    # what the caller asks

    @property
    def is_finished(self) -> bool:
        return not self.waiting and not self._open()

    @property
    def in_hand(self) -> Progress:
        """What the leases in hand have come to; of two at one shard, the one that got further."""
        best: dict[str, Progress] = {}
        for hand in self.hands.values():
            if hand.leases and (name := hand.leases[0].shard.name) not in self.committed:
                so_far = hand.pulse.so_far
                best[name] = max(best.get(name, so_far), so_far, key=lambda p: p.num_bytes)
        return sum(best.values(), Progress())

    @property
    def num_up(self) -> int:
        return sum(hand.is_up for hand in self.hands.values())

    @property
    def num_useful(self) -> int:
        """So many workers would have something to do."""
        return len(self.waiting) + len(self._open())

    def next_leases(self, now_s: float) -> list[tuple[WorkerId, Lease]]:
        """Leases to hand out; they count as handed out.

        Every worker gets one before any gets a second, which waits behind the first; and only
        while there is plenty, for what waits behind a slow shard is missing elsewhere.
        """
        given: list[tuple[WorkerId, Lease]] = []
        for num_held in range(NUM_QUEUED):
            for worker, hand in self._up():
                is_plenty = not num_held or len(self.waiting) > len(self.hands)
                if len(hand.leases) == num_held and self.waiting and is_plenty:
                    given.append((worker, self._lease(hand, self.waiting.popleft(), now_s)))
        return given + self._second_leases(now_s)

    def superfluous(self) -> list[tuple[WorkerId, Lease]]:
        """Leases at work on shards that others have committed."""
        return [
            (worker, lease)
            for worker, hand in self.hands.items()
            for lease in hand.leases
            if lease.shard.name in self.committed
        ]

    def hung(self, now_s: float) -> list[WorkerId]:
        """Workers that have stood still for too long with a lease in hand."""
        if self.limits.hang_s is None:
            return []
        limit_s = max(self.limits.hang_s, SLOWER * self.longest_step_s)
        return [
            worker
            for worker, hand in self._up()
            if hand.leases
            and now_s - hand.moved_s > max(limit_s, 0 if hand.has_stepped else hand.slow_step_s)
        ]

    # how

    def _up(self) -> Iterator[tuple[WorkerId, Hand]]:
        return ((worker, hand) for worker, hand in self.hands.items() if hand.is_up)

    def _open(self) -> dict[str, list[str]]:
        """The leases, by name, of every shard that is leased and not committed."""
        found: dict[str, list[str]] = {}
        for hand in self.hands.values():
            for lease in hand.leases:
                if lease.shard.name not in self.committed:
                    found.setdefault(lease.shard.name, []).append(lease.name)
        return found

    def _lease(self, hand: Hand, shard: Shard, now_s: float) -> Lease:
        lease = Lease(shard, frozenset(self._open().get(shard.name, ())))
        hand.leases.append(lease)
        if len(hand.leases) == 1:
            self._begin(hand, now_s)
        return lease

    def _begin(self, hand: Hand, now_s: float) -> None:
        hand.moved_s = hand.begun_s = now_s
        hand.pulse = Pulse(num_beats=hand.pulse.num_beats)

    def _ended(self, hand: Hand, lease: Lease, now_s: float) -> None:
        hand.leases.remove(lease)
        self._begin(hand, now_s)

    def _put_back(self, leases: Iterable[Lease]) -> None:
        """To the front of the queue, unless another worker is at the shard or has done it."""
        is_open = self._open()
        shards = [lease.shard for lease in leases]
        again = [s for s in shards if s.name not in is_open and s.name not in self.committed]
        self.waiting.extendleft(reversed(again))

    def _count_loss(self, shard: Shard, is_to_blame: bool) -> None:
        if not is_to_blame:
            self.excuses[shard.name] += 1
            return
        self.failures[shard.name] += 1
        num_attempts = self.failures[shard.name]
        if num_attempts >= MAX_ATTEMPTS * (1 + self.num_convicted(shard)):
            raise TooManyAttempts(shard, num_attempts)

    def _blame_start(self) -> None:
        self.num_failed_starts += 1
        if self.num_failed_starts >= MAX_STARTS:
            raise TooManyAttempts(None, self.num_failed_starts)

    def _second_leases(self, now_s: float) -> list[tuple[WorkerId, Lease]]:
        """For workers with nothing to do, the shards that would otherwise end last."""
        given: list[tuple[WorkerId, Lease]] = []
        for worker, hand in self._up():
            slowest = (
                None if hand.leases or self.waiting else self.rates.slowest(self._laggards(now_s))
            )
            if slowest is not None:
                given.append((worker, self._lease(hand, slowest, now_s)))
        return given

    def _laggards(self, now_s: float) -> Iterator[Laggard]:
        """What is in the hands of one worker only."""
        is_open = self._open()
        for hand in self.hands.values():
            if hand.leases and len(is_open.get(hand.leases[0].shard.name, ())) == 1:
                shard = hand.leases[0].shard
                yield Laggard(shard, hand.pulse.so_far.num_bytes, now_s - hand.begun_s)

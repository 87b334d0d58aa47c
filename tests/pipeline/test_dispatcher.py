"""The books of leases: every shard once, whatever becomes of the workers."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.pipeline.crew import Pulse, WorkerId
from longriver.pipeline.dispatcher import (
    MAX_ATTEMPTS,
    MAX_EXCUSES,
    MAX_STARTS,
    SLOWER,
    Dispatcher,
    Limits,
    TooManyAttempts,
)
from longriver.pipeline.lease import Lease
from longriver.pipeline.pace import LAG_S
from longriver.pipeline.progress import Progress
from longriver.pipeline.shard import Piece, Shard


def shards(count: int, num_bytes: int = 1000) -> list[Shard]:
    return [
        Shard(index, (Piece("a.txt", "a.txt", "text", 0, 1, 0, 1, num_bytes),))
        for index in range(count)
    ]


def convict_nobody(shard: Shard) -> int:
    return 0


def books(num_shards: int, num_workers: int, hang_s: float | None = None) -> Dispatcher:
    """A dispatcher whose workers are all up, at second 0."""
    found = Dispatcher(Limits(hang_s, 9), convict_nobody)
    found.add(shards(num_shards))
    for worker in range(num_workers):
        found.hired(worker, 0)
        found.up(worker, 0, 0)
    return found


def pulse(num_beats: int, num_tokens: int = 1, num_bytes: int = 0) -> Pulse:
    return Pulse(Progress(num_tokens=num_tokens, num_bytes=num_bytes), num_beats)


def names(given: list[tuple[WorkerId, Lease]]) -> list[tuple[int, str]]:
    return [(worker, lease.shard.name) for worker, lease in given]


def test_every_worker_gets_a_shard_before_any_gets_a_second() -> None:
    given = books(num_shards=6, num_workers=2).next_leases(0)
    assert names(given) == [(0, "000000"), (1, "000001"), (0, "000002"), (1, "000003")]


def test_nothing_waits_behind_a_slow_shard_when_little_is_left() -> None:
    assert names(books(num_shards=4, num_workers=2).next_leases(0)) == [
        (0, "000000"),
        (1, "000001"),
    ]


def test_a_lost_workers_shards_come_first_again_and_in_order() -> None:
    found = books(num_shards=9, num_workers=2)
    found.next_leases(0)
    at = found.lost(0, is_to_blame=True)
    assert at is not None and at.name == "000000"
    assert [shard.name for shard in found.waiting][:3] == ["000000", "000002", "000004"]
    assert found.failures == {"000000": 1}


def test_a_shard_that_keeps_failing_is_given_up_and_machines_do_not_count() -> None:
    found = books(num_shards=1, num_workers=1)
    for worker in range(1, 9):
        found.next_leases(0)
        found.lost(worker - 1, is_to_blame=False)
        found.hired(worker, 0)
        found.up(worker, 0, 0)
    for worker in range(8, 8 + MAX_ATTEMPTS - 1):
        found.next_leases(0)
        found.lost(worker, is_to_blame=True)
        found.hired(worker + 1, 0)
        found.up(worker + 1, 0, 0)
    found.next_leases(0)
    with pytest.raises(TooManyAttempts) as end:
        found.lost(8 + MAX_ATTEMPTS - 1, is_to_blame=True)
    assert end.value.shard is not None and end.value.num_attempts == MAX_ATTEMPTS


def test_every_conviction_gives_a_shard_three_attempts_more() -> None:
    convicted = 0
    found = Dispatcher(Limits(None, 9), lambda shard: convicted)
    found.add(shards(1))
    num_attempts = 0
    with pytest.raises(TooManyAttempts):
        while True:
            found.hired(num_attempts, 0)
            found.up(num_attempts, 0, 0)
            found.next_leases(0)
            num_attempts += 1
            convicted = min(num_attempts // 3, 2)
            found.lost(num_attempts - 1, is_to_blame=True)
    assert num_attempts == 9


def test_workers_that_never_come_up_are_given_up() -> None:
    found = Dispatcher(Limits(None, 9), convict_nobody)
    for worker in range(MAX_STARTS - 1):
        found.hired(worker, 0)
        found.lost(worker, is_to_blame=True)
    found.hired(9, 0)
    with pytest.raises(TooManyAttempts) as end:
        found.lost(9, is_to_blame=True)
    assert end.value.shard is None


def test_a_worker_that_stands_still_hangs_and_one_that_gets_on_does_not() -> None:
    found = books(num_shards=2, num_workers=2, hang_s=30)
    found.next_leases(0)
    for second in range(1, 32):
        found.beat(0, pulse(second), second)
        found.beat(1, pulse(1), second)
    assert found.hung(31.5) == [1]


def test_the_patience_grows_with_the_longest_step() -> None:
    found = books(num_shards=1, num_workers=1, hang_s=10)
    found.next_leases(0)
    found.beat(0, pulse(1), 1)
    found.beat(0, pulse(2), 5)
    assert not found.hung(5 + 4 * SLOWER - 1)
    assert found.hung(5 + 4 * SLOWER + 1) == [0]


def test_the_first_step_of_a_large_network_has_its_own_time() -> None:
    found = Dispatcher(Limits(10, 9), convict_nobody)
    found.add(shards(1))
    found.hired(0, 0)
    found.up(0, slow_step_s=1000, now_s=0)
    found.next_leases(0)
    found.beat(0, pulse(1, num_tokens=0), 1)
    assert not found.hung(900)
    found.beat(0, pulse(2), 900)
    assert found.hung(1901) == []  # 20 times 899 s
    assert found.hung(900 + 20 * 899 + 1) == [0]


def test_an_idle_worker_does_not_hang() -> None:
    assert not books(num_shards=0, num_workers=1, hang_s=1).hung(1e9)


def test_the_slowest_shard_gets_a_second_worker_and_the_first_commit_counts() -> None:
    found = books(num_shards=2, num_workers=2)
    given = dict(found.next_leases(0))
    assert found.done(1, given[1], 10)
    assert not found.next_leases(LAG_S - 1)
    found.beat(0, pulse(1, num_bytes=100), LAG_S)
    [(worker, second)] = found.next_leases(LAG_S + 1)
    assert (worker, second.shard) == (1, given[0].shard)
    assert second.rivals == {given[0].name} and second.name != given[0].name
    assert not found.next_leases(LAG_S + 1), "one second worker is enough"
    assert found.done(1, second, LAG_S + 9)
    assert found.is_finished
    assert found.superfluous() == [(0, given[0])]
    assert not found.done(0, given[0], LAG_S + 10)


def test_a_shard_at_the_pace_of_all_others_gets_no_second_worker() -> None:
    found = books(num_shards=2, num_workers=2)
    given = dict(found.next_leases(0))
    found.done(1, given[1], 40)
    found.beat(0, pulse(1, num_bytes=900), 40)
    assert not found.next_leases(41)


def test_what_is_in_hand_counts_a_shard_at_two_workers_once() -> None:
    found = books(num_shards=2, num_workers=2)
    given = dict(found.next_leases(0))
    found.done(1, given[1], 1)
    found.beat(0, pulse(1, num_tokens=5, num_bytes=5), LAG_S + 1)
    found.next_leases(LAG_S + 2)
    found.beat(1, pulse(1, num_tokens=3, num_bytes=3), LAG_S + 3)
    assert found.in_hand.num_tokens == 5


@dataclass
class World:
    """A cluster in which anything may happen; knows what the books must never get wrong."""

    books: Dispatcher
    num_committed: dict[str, int] = field(default_factory=dict)
    held: dict[WorkerId, list[Lease]] = field(default_factory=dict)
    num_hired: int = 0
    now_s: float = 0.0

    def hand_out(self) -> None:
        for worker, lease in self.books.next_leases(self.now_s):
            assert lease.shard.name not in self.num_committed
            others = {x.name for held in self.held.values() for x in held if x.shard == lease.shard}
            assert lease.rivals == others
            self.held[worker].append(lease)
            assert len(self.held[worker]) <= 2

    def hire(self) -> None:
        self.books.hired(self.num_hired, self.now_s)
        self.books.up(self.num_hired, 0, self.now_s)
        self.held[self.num_hired] = []
        self.num_hired += 1

    def end_one(self, worker: WorkerId) -> None:
        lease = self.held[worker].pop(0)
        is_first = self.books.done(worker, lease, self.now_s)
        assert is_first == (lease.shard.name not in self.num_committed)
        self.num_committed[lease.shard.name] = 1

    def act(self, what: int) -> None:
        busy = [worker for worker, held in self.held.items() if held]
        self.now_s += what % 50
        match what % 5:
            case 0 | 1 if busy:
                self.end_one(busy[what % len(busy)])
            case 2 if self.held:
                worker = sorted(self.held)[what % len(self.held)]
                del self.held[worker]
                self.books.lost(worker, is_to_blame=False)
            case 3 if busy:
                worker = busy[what % len(busy)]
                self.books.left(worker, self.held[worker].pop(0), self.now_s)
            case _:
                if len(self.held) < 4:
                    self.hire()
        self.hand_out()


@given(st.integers(0, 12), st.lists(st.integers(0, 10_000), max_size=60))
def test_whatever_happens_every_shard_is_committed_once(num_shards: int, story: list[int]) -> None:
    world = World(books(num_shards, 0))
    for what in story:
        world.act(what)
    world.hire()
    for _ in range(10 * num_shards + 10):
        world.hand_out()
        if world.books.is_finished:
            break
        busy = [worker for worker, held in world.held.items() if held]
        world.end_one(busy[0])
    assert world.books.is_finished
    assert set(world.num_committed) == {shard.name for shard in shards(num_shards)}


def test_a_shard_that_takes_one_machine_after_the_other_is_blamed_in_the_end() -> None:
    found = books(num_shards=1, num_workers=1)
    for worker in range(MAX_EXCUSES):
        found.next_leases(0)
        assert found.may_excuse(worker)
        found.lost(worker, is_to_blame=False)
        found.hired(worker + 1, 0)
        found.up(worker + 1, 0, 0)
    found.next_leases(0)
    assert not found.may_excuse(MAX_EXCUSES)

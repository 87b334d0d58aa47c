"""A head may be away for a while; one that has gone is told from a storage that broke off."""

import pytest

from longriver.engine.errors import RunFailed
from longriver.pipeline.head_watch import HeadWatch


class Door:
    """Somebody is there, until nobody is."""

    def __init__(self) -> None:
        self.is_open, self.now_s, self.num_knocks = True, 0.0, 0

    def knock(self) -> None:
        self.num_knocks += 1
        if not self.is_open:
            raise ConnectionRefusedError

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def watch(door: Door) -> HeadWatch:
    return HeadWatch("head:6379", door.knock, 30.0, door.clock)


def pass_time(door: Door, watch: HeadWatch, seconds: int) -> None:
    for _ in range(2 * seconds):
        door.now_s += 0.5
        watch.check()


def test_it_is_knocked_at_every_five_seconds(door: Door, watch: HeadWatch) -> None:
    pass_time(door, watch, 60)
    assert door.num_knocks == 12 and not watch.is_gone


def test_a_head_that_comes_back_is_no_trouble(door: Door, watch: HeadWatch) -> None:
    for _ in range(3):
        door.is_open = not door.is_open
        pass_time(door, watch, 25)
    door.is_open = True
    pass_time(door, watch, 25)
    assert not watch.is_gone


def test_a_head_that_is_gone_ends_the_run_in_one_line(door: Door, watch: HeadWatch) -> None:
    door.is_open = False
    with pytest.raises(RunFailed, match=r"gone: nobody has answered at head:6379 for 35 s") as gone:
        pass_time(door, watch, 60)
    assert watch.is_gone and door.now_s == 35.0
    assert str(gone.value).endswith(
        "the same command goes on from there when a cluster is up again"
    )


def test_a_broken_connection_is_the_heads_only_if_the_head_is_gone(
    door: Door, watch: HeadWatch
) -> None:
    with pytest.raises(ConnectionError, match="a storage's"), watch.explaining():
        raise ConnectionError("a storage's")
    assert not watch.is_gone
    door.is_open = False
    with pytest.raises(RunFailed, match="cluster is gone"), watch.explaining():
        raise ConnectionError("Client is shutting down.")
    assert watch.is_gone

"""Dividing a step among documents."""

from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.scheduler import share

ready_lists = st.lists(st.integers(0, 500), min_size=1, max_size=20)


@given(ready_lists, st.integers(1, 1000))
def test_the_step_is_full_or_everything_is_taken(ready: list[int], budget: int) -> None:
    counts = share(ready, budget)
    assert sum(counts) == min(sum(ready), budget)
    assert all(0 <= count <= have for count, have in zip(counts, ready, strict=True))


@given(ready_lists, st.integers(20, 1000))
def test_nobody_waits_while_another_takes_more_than_a_fair_share(
    ready: list[int], budget: int
) -> None:
    counts = share(ready, budget)
    largest = max(counts)
    for count, have in zip(counts, ready, strict=True):
        assert count == have or count >= largest - 1


def test_a_lone_document_takes_the_whole_step() -> None:
    assert share([10_000], 512) == [512]


def test_short_documents_leave_the_rest_to_a_long_one() -> None:
    assert share([10_000, 10, 20], 512) == [482, 10, 20]

"""A document's tokens, pulled no further than a step needs."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longriver.engine.sequence import Sequence
from longriver.engine.tokenizer.base import Tokens
from tests.engine.reading import pieces, tokens_of


@given(
    st.lists(st.integers(0, 255), max_size=60),
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(1, 70),
)
def test_every_token_is_scored_once_after_the_one_before_it(
    ids: list[int], cuts: list[int], limit: int
) -> None:
    sequence = Sequence(None, pieces(tokens_of(ids), cuts), prefix_token=999)
    inputs: list[int] = []
    scored: list[int] = []
    lasts: list[bool] = []
    while count := sequence.fill(limit):
        chunk = sequence.take(count)
        inputs += chunk.inputs.tolist()
        scored += chunk.tokens.ids.tolist()
        lasts.append(chunk.is_last)
    assert sequence.is_done
    assert scored == ids
    assert inputs == [999, *ids][: len(ids)]
    assert not ids or lasts == [False] * (len(lasts) - 1) + [True]


def test_pieces_are_pulled_only_when_they_are_needed() -> None:
    pulled: list[int] = []

    def endless() -> Iterator[Tokens]:
        while True:
            pulled.append(len(pulled))
            yield tokens_of([1] * 10)

    sequence = Sequence(None, endless(), 0)
    assert sequence.fill(25) == 25
    assert len(pulled) == 3


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 60))
def test_a_snapshot_is_due_wherever_a_multiple_is_reached_or_passed(
    size: int, step: int, every: int
) -> None:
    sequence = Sequence(None, iter([tokens_of([1] * size)]), 0, snapshot_tokens=every)
    before = 0
    while count := sequence.fill(step):
        place = sequence.take(count).place
        assert (place is not None) == ((before + count) // every > before // every)
        before += count
        assert place is None or (place.num_tokens, len(place.waiting)) == (before, size - before)


def test_by_default_no_snapshot_is_due() -> None:
    sequence = Sequence(None, iter([tokens_of([1] * 9)]), 0)
    assert sequence.fill(9) == 9
    assert sequence.take(9).place is None


def test_more_than_is_ready_cannot_be_taken() -> None:
    sequence = Sequence(None, iter([tokens_of([1, 2])]), 0)
    sequence.fill(1)
    with pytest.raises(AssertionError):
        sequence.take(3)

"""Sequences that are cut where their owner says, and what follows one that is read to its end."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.state import State
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.version import Version
from longriver.engine.wants import Wants
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of, pieces, tokens_of

IDS = list(b"Nor has it a beginning, seen from here.")
STATE = Wants(nll=False, state=True)


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


class At:
    """Cuts behind tokens of these numbers, knowing no more than so many tokens ahead.

    A reader of chunks has to keep ``num_read`` up to date.
    """

    def __init__(self, places: list[int], num_known: int) -> None:
        self.places, self.num_known, self.num_read = sorted(set(places)), num_known, 0

    def next_cut(self, unread: Tokens, is_end: bool) -> tuple[int, bool]:
        assert len(unread)
        known = len(unread) if is_end else min(len(unread), self.num_known)
        count = next((p - self.num_read for p in self.places if p > self.num_read), known + 1)
        return (count, True) if count <= known else (known, False)


def states_at(cuts: At, budget: int, splits: list[int], other: list[int]) -> dict[int, State]:
    """The states that chunks brought, by the number of tokens read."""
    engine = engine_of(network(), num_slots=2, tokens_per_step=budget)
    cut = Sequence("cut", pieces(tokens_of(IDS), splits), engine.prefix_token, reads_last=True)
    cut.cuts = cuts
    beside = Sequence("beside", iter([tokens_of(other)]), engine.prefix_token, reads_last=True)
    found: dict[int, State] = {}
    for result in engine.run(iter([cut, beside]), STATE):
        assert isinstance(result, ScoredChunk)
        if result.sequence.key == "cut":
            cuts.num_read += len(result.read)
            if result.state is not None:
                found[cuts.num_read] = result.state
    assert cuts.num_read == len(IDS)
    return found


@settings(max_examples=30)
@given(
    places=st.lists(st.integers(1, len(IDS)), max_size=6),
    num_known=st.integers(1, 8),
    budget=st.integers(1, 50),
    splits=st.lists(st.integers(0, 40), max_size=3),
    other=st.lists(st.integers(0, 255), max_size=20),
)
def test_states_are_those_right_behind_the_cuts(
    places: list[int], num_known: int, budget: int, splits: list[int], other: list[int]
) -> None:
    found = states_at(At(places, num_known), budget, splits, other)
    assert list(found) == sorted({*places, len(IDS)})
    for place, state in found.items():
        _, expected = read_logits(network(), [0, *IDS[:place]])
        assert torch.equal(state.wkv, expected.wkv) and torch.equal(state.shift, expected.shift)


def test_without_a_wish_for_states_none_come() -> None:
    engine = engine_of(network())
    sequence = Sequence(0, iter([tokens_of(IDS)]), 0, reads_last=True)
    [chunk] = list(engine.run(iter([sequence]), Wants(nll=False, layer=1)))
    assert isinstance(chunk, ScoredChunk) and chunk.state is None and chunk.is_last


@settings(max_examples=20)
@given(
    trunk=st.lists(st.integers(0, 255), min_size=1, max_size=12),
    branch=st.lists(st.integers(0, 255), min_size=1, max_size=8),
    budget=st.integers(1, 16),
    num_slots=st.integers(1, 3),
)
def test_what_follows_does_not_read_the_last_token_twice(
    trunk: list[int], branch: list[int], budget: int, num_slots: int
) -> None:
    engine = engine_of(network(), num_slots=num_slots, tokens_per_step=budget)
    wants = Wants(nll=False, layer=-1)

    def sequence(ids: list[int]) -> Sequence:
        return Sequence(0, iter([tokens_of(ids)]), engine.prefix_token, reads_last=True)

    def hidden(first: Sequence, wanted: Sequence) -> torch.Tensor:
        rows = []
        for result in engine.run(iter([first, sequence(IDS)]), wants):
            assert isinstance(result, ScoredChunk)
            if result.sequence is wanted and result.hidden is not None:
                rows.append(result.hidden)
        return torch.cat(rows)

    first, second = sequence(trunk), sequence(branch)
    first.followers = (second,)
    whole = sequence(trunk + branch)
    assert torch.equal(hidden(first, second), hidden(whole, whole)[len(trunk) :])


@pytest.mark.parametrize("budget", [1, 4, 64])
def test_no_snapshot_is_taken_behind_the_last_token(budget: int) -> None:
    """It would say that the last token is still to be read."""
    engine = engine_of(network(), tokens_per_step=budget)
    sequence = Sequence(0, iter([tokens_of(IDS)]), 0, snapshot_tokens=1, reads_last=True)
    snapshots: list[Snapshot] = []
    for result in engine.run(iter([sequence]), STATE):
        assert isinstance(result, ScoredChunk)
        snapshots += [] if result.snapshot is None else [result.snapshot]
        assert not (result.is_last and result.snapshot)
    for snapshot in snapshots:
        _, expected = read_logits(network(), [0, *IDS[: snapshot.place.num_tokens - 1]])
        assert torch.equal(snapshot.state.wkv, expected.wkv)

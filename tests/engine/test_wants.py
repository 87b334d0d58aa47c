"""What comes with a chunk beside its nats: vectors, logits, and what is read behind a document."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.engine import Engine
from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.sequence import Sequence
from longriver.engine.tokenizer.base import joined
from longriver.engine.version import Version
from longriver.engine.wants import Wants
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of, pieces, tokens_of

DOCUMENTS = [
    list(b"A river has no end."),
    [7],
    [],
    list(b"Nor has it a beginning, seen from here."),
]
LAYERS = (0, 1, 2, -1)


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def chunks_of(
    engine: Engine, sequences: list[Sequence], wants: Wants
) -> dict[object, list[ScoredChunk]]:
    found: dict[object, list[ScoredChunk]] = {sequence.key: [] for sequence in sequences}
    for result in engine.run(iter(sequences), wants):
        assert isinstance(result, ScoredChunk)
        found[result.sequence.key].append(result)
    return found


def vectors(
    engine: Engine, documents: list[list[int]], layer: int, cuts: list[int] | None = None
) -> list[torch.Tensor]:
    """[n, D], behind every token of every document."""
    sequences = [
        Sequence(index, pieces(tokens_of(ids), cuts or []), engine.prefix_token, reads_last=True)
        for index, ids in enumerate(documents)
    ]
    found = chunks_of(engine, sequences, Wants(layer=layer))
    for index, ids in enumerate(documents):
        assert joined([chunk.read for chunk in found[index]]).ids.tolist() == ids
        assert joined([chunk.tokens for chunk in found[index]]).ids.tolist() == ids
    rows = [[c.hidden for c in chunks if c.hidden is not None] for chunks in found.values()]
    return [torch.cat(each) if each else torch.empty(0, engine.network.width) for each in rows]


@settings(max_examples=20)
@given(
    budget=st.integers(1, 24),
    num_slots=st.integers(1, 5),
    layer=st.sampled_from(LAYERS),
    cuts=st.lists(st.integers(0, 40), max_size=3),
)
def test_a_tokens_vector_does_not_feel_neighbours_or_chunks(
    budget: int, num_slots: int, layer: int, cuts: list[int]
) -> None:
    engine = engine_of(network(), num_slots=num_slots, tokens_per_step=budget)
    together = vectors(engine, DOCUMENTS, layer, cuts)
    for ids, found in zip(DOCUMENTS, together, strict=True):
        [alone] = vectors(engine_of(network(), num_slots=1, tokens_per_step=64), [ids], layer)
        assert found.shape == (len(ids), engine.network.width) and torch.equal(found, alone)


@pytest.mark.parametrize("version", list(Version))
def test_the_last_vectors_are_those_that_the_head_sees(version: Version) -> None:
    engine = engine_of(network(version), tokens_per_step=5)
    [found] = vectors(engine, DOCUMENTS[:1], -1)
    expected, _ = read_logits(network(version), [engine.prefix_token, *DOCUMENTS[0]])
    torch.testing.assert_close(found @ engine.network.head.T, expected[1:], rtol=1e-4, atol=1e-5)


def test_reading_for_vectors_changes_no_nats() -> None:
    engine = engine_of(network(), tokens_per_step=5)

    def nats(wants: Wants) -> list[float]:
        sequence = Sequence(
            0, iter([tokens_of(DOCUMENTS[0])]), engine.prefix_token, reads_last=wants.reads_last
        )
        [chunks] = chunks_of(engine, [sequence], wants).values()
        return [float(nll) for chunk in chunks for nll in chunk.nll]

    assert nats(Wants()) == nats(Wants(layer=1)) and nats(Wants(nll=False, layer=1)) == []


class Watching(Sequence):
    """Keeps what it is shown."""

    def on_logits(self, logits_RV: torch.Tensor) -> None:
        self.seen = [*getattr(self, "seen", []), logits_RV.clone()]


@pytest.mark.parametrize("num_tokens", [1, 39, 200])
def test_logits_are_shown_row_by_row_to_who_wants_them(num_tokens: int) -> None:
    engine = engine_of(network(), tokens_per_step=150)
    ids = (DOCUMENTS[3] * 6)[:num_tokens]
    watching = Watching("seen", iter([tokens_of(ids)]), engine.prefix_token)
    other = Sequence("unseen", iter([tokens_of(DOCUMENTS[0])]), engine.prefix_token)
    found = chunks_of(engine, [other, watching], Wants())["seen"]
    logits_RV = torch.cat(watching.seen)
    targets = torch.tensor(ids)[:, None]
    nats = torch.logsumexp(logits_RV, 1) - logits_RV.gather(1, targets)[:, 0]
    scored = np.concatenate([chunk.nll for chunk in found])
    np.testing.assert_allclose(scored, nats.numpy(), rtol=1e-5, atol=1e-5)


@settings(max_examples=20)
@given(
    trunk=st.lists(st.integers(0, 255), max_size=12),
    branches=st.lists(st.lists(st.integers(0, 255), max_size=8), min_size=1, max_size=4),
    budget=st.integers(1, 16),
    num_slots=st.integers(1, 3),
)
def test_what_follows_a_document_is_read_as_if_it_went_on(
    trunk: list[int], branches: list[list[int]], budget: int, num_slots: int
) -> None:
    engine = engine_of(network(), num_slots=num_slots, tokens_per_step=budget)

    def sequence(key: object, ids: list[int]) -> Sequence:
        return Sequence(key, iter([tokens_of(ids)]), engine.prefix_token)

    first = sequence("trunk", trunk)
    first.followers = tuple(sequence(index, ids) for index, ids in enumerate(branches))
    found: dict[object, list[float]] = {}
    for result in engine.run(iter([first, sequence("other", DOCUMENTS[0])])):
        assert isinstance(result, ScoredChunk)
        found.setdefault(result.sequence.key, []).extend(result.nll.tolist())
    for index, ids in enumerate(branches):
        [chunks] = chunks_of(engine, [sequence(0, trunk + ids)], Wants()).values()
        whole = [nll for chunk in chunks for nll in chunk.nll.tolist()]
        assert found["trunk"] + found[index] == whole

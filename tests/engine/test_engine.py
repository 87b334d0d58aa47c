"""What a document scores does not depend on its neighbours, the slots, the steps or the chunks."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.config import EngineConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError
from longriver.engine.network import Network
from longriver.engine.nll import NllSum
from longriver.engine.result import Failed, ScoredChunk
from longriver.engine.saved import packed, unpacked
from longriver.engine.sequence import Sequence
from longriver.engine.snapshot import Snapshot
from longriver.engine.tokenizer.base import Tokens
from longriver.engine.version import Version
from tests.checkpoints import network_of, random_rwkv, random_rwkv7
from tests.engine.reading import Floats, engine_of, read, tokens_of


@cache
def small_model(version: Version = Version.V7, num_heads: int = 2) -> Network:
    """With four heads its matrices are large enough for any library of products."""
    return network_of(random_rwkv(version, num_layers=2, num_heads=num_heads))


@cache
def alone(ids: tuple[int, ...], version: Version = Version.V7, num_heads: int = 2) -> np.ndarray:
    """A document read by itself, in steps that take it whole."""
    engine = engine_of(small_model(version, num_heads), num_slots=1, tokens_per_step=1024)
    [nll] = read(engine, [list(ids)])
    return nll


documents = st.lists(st.lists(st.integers(0, 255), max_size=50).map(tuple), min_size=1, max_size=5)
cut_lists = st.lists(st.integers(0, 50), max_size=5)


@pytest.mark.parametrize(
    "version, num_heads", [*((version, 2) for version in Version), (Version.V6, 4), (Version.V7, 4)]
)
@given(documents, st.integers(1, 4), st.integers(3, 90), cut_lists)
@settings(max_examples=40, deadline=None)
def test_a_document_scores_the_same_bits_in_any_company_and_any_chunking(
    version: Version,
    num_heads: int,
    texts: list[tuple[int, ...]],
    slots: int,
    budget: int,
    cuts: list[int],
) -> None:
    network = small_model(version, num_heads)
    engine = engine_of(network, num_slots=slots, tokens_per_step=budget)
    for ids, nll in zip(texts, read(engine, [list(t) for t in texts], cuts), strict=True):
        assert np.array_equal(nll, alone(ids, version, num_heads))


@pytest.mark.parametrize("version", [Version.V4, Version.V6, Version.V7])
@pytest.mark.parametrize("num_heads", [2, 4])
def test_two_threads_give_the_bits_of_one(version: Version, num_heads: int) -> None:
    texts = [bytes(range(n)) for n in (1, 17, 100, 255)]
    expected = [alone(tuple(text), version, num_heads) for text in texts]
    network = small_model(version, num_heads)
    engine = engine_of(network, num_slots=3, tokens_per_step=60, num_threads=2)
    try:
        for nll, bits in zip(read(engine, [list(t) for t in texts]), expected, strict=True):
            assert np.array_equal(nll, bits)
    finally:
        engine_of(small_model(), num_threads=1)


TEXTS = [bytes(range(60, 200)) * 2, b"short", b"", bytes(range(256))]


def nats(
    engine: Engine, texts: list[bytes], every: int | None, starts: dict[int, Snapshot]
) -> tuple[dict[int, Floats], dict[int, list[Snapshot]]]:
    """Nats and snapshots of texts by their place, gone on with where there is a start."""
    sequences = [
        engine.sequence(i, [text[:100], text[100:]], every, starts.get(i))
        for i, text in enumerate(texts)
    ]
    values: dict[int, list[Floats]] = {i: [] for i in range(len(texts))}
    taken: dict[int, list[Snapshot]] = {i: [] for i in range(len(texts))}
    for result in engine.run(iter(sequences)):
        assert isinstance(result, ScoredChunk) and isinstance(result.sequence.key, int)
        values[result.sequence.key].append(result.nll)
        taken[result.sequence.key] += [result.snapshot] * (result.snapshot is not None)
    return {i: np.concatenate(found) for i, found in values.items()}, taken


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("every", [1, 16, 100])
def test_a_document_goes_on_from_any_snapshot_with_the_same_bits(
    version: Version, every: int
) -> None:
    engine = engine_of(small_model(version), num_slots=3, tokens_per_step=60)
    whole, none_taken = nats(engine, TEXTS, None, {})
    assert not any(none_taken.values())
    watched, taken = nats(engine, TEXTS, every, {})
    assert all(np.array_equal(watched[i], whole[i]) for i in whole)
    for snapshot in taken[0][::3]:
        again = Snapshot.restore(unpacked(packed(snapshot.save())))
        found, _ = nats(engine, TEXTS, every, {0: again, 3: taken[3][0]})
        assert np.array_equal(found[0], whole[0][snapshot.place.num_tokens :])
        assert np.array_equal(found[3], whole[3][taken[3][0].place.num_tokens :])
        assert np.array_equal(found[1], whole[1])


def test_a_document_that_changed_before_its_snapshot_fails_alone() -> None:
    engine = engine_of(small_model(), num_slots=2, tokens_per_step=60)
    _, taken = nats(engine, TEXTS, 16, {})
    other = engine.sequence("other", [b"X" + TEXTS[0][1:]], None, taken[0][0])
    results = list(engine.run(iter([other, engine.sequence("good", [b"fine"])])))
    assert [isinstance(result, Failed) for result in results] == [True, False]
    assert isinstance(results[0], Failed) and results[0].error.reason == "stale_snapshot"


def test_every_token_is_scored_once() -> None:
    lengths = [0, 1, 5, 64, 200]
    found = read(
        engine_of(small_model(), num_slots=2, tokens_per_step=16), [[7] * n for n in lengths]
    )
    assert [len(nll) for nll in found] == lengths


def test_a_slot_that_is_taken_again_remembers_nothing() -> None:
    engine = engine_of(small_model(), num_slots=1, tokens_per_step=8)
    first, again = read(engine, [list(b"one document"), list(b"one document")])
    assert np.array_equal(first, again)


def test_the_next_sequence_is_pulled_only_when_a_slot_is_free() -> None:
    pulled: list[int] = []

    def sequences() -> Iterator[Sequence]:
        for index in range(4):
            pulled.append(index)
            yield Sequence(index, iter([tokens_of([1] * 10)]), 0)

    results = engine_of(small_model(), num_slots=2, tokens_per_step=4).run(sequences())
    next(results)
    assert pulled == [0, 1]


def test_a_document_that_cannot_be_read_on_ends_alone() -> None:
    def breaking() -> Iterator[Tokens]:
        yield tokens_of([1, 2, 3])
        raise DocumentError("corrupt_file", "the rest is missing")

    sequences = [Sequence("bad", breaking(), 0), Sequence("good", iter([tokens_of([5] * 9)]), 0)]
    results = list(engine_of(small_model(), num_slots=2, tokens_per_step=2).run(iter(sequences)))
    failed = [r for r in results if isinstance(r, Failed)]
    assert [(f.sequence.key, f.error.reason) for f in failed] == [("bad", "corrupt_file")]
    good = [r.nll for r in results if isinstance(r, ScoredChunk) and r.sequence.key == "good"]
    assert np.array_equal(np.concatenate(good), alone((5,) * 9))


def test_a_likelihood_that_is_not_finite_fails_its_document_and_says_where() -> None:
    tensors = random_rwkv7(num_layers=1)
    tensors["emb.weight"][9] = 3e38
    model = network_of(tensors)
    sequences = [Sequence("bad", iter([tokens_of([1, 9, 4, 4])]), 0)]
    [result] = engine_of(model).run(iter(sequences))
    assert isinstance(result, Failed)
    assert result.error.reason == "nonfinite"
    assert "byte 3" in result.error.detail


def test_texts_score_without_ray_or_arrow() -> None:
    engine = engine_of(small_model())
    text, empty = engine.score(["a short text", b""])
    assert text.num_tokens == text.num_bytes == 12
    assert text.num_words == 3
    assert text.nats == pytest.approx(float(alone(tuple(b"a short text")).sum()), rel=1e-6)
    assert empty == NllSum(num_words=1)
    assert empty.bits_per_byte is empty.word_perplexity is None


def test_from_config_loads_the_embedded_model() -> None:
    prose, noise = Engine.from_config(engine=EngineConfig(num_threads=1)).score(
        ["It is a truth universally acknowledged, that a single man", "x9$Qz!!kW~0vv^pT;;Lq"]
    )
    assert prose.bits_per_byte is not None and noise.bits_per_byte is not None
    assert prose.bits_per_byte < 3 < noise.bits_per_byte

"""Documents in windows: token for token what lm-evaluation-harness's rolling windows are."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.saved import packed, unpacked
from longriver.engine.snapshot import Snapshot
from longriver.engine.version import Version
from longriver.engine.wants import Wants
from longriver.engine.windowed import WindowedSequence
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of, pieces, tokens_of

Pair = tuple[list[int], list[int]]


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def windows(ids: list[int], prefix: int, window: int) -> Iterator[Pair]:
    """Context and continuation of each window, as lm-evaluation-harness states them.

    ``get_rolling_token_windows(ids, prefix, window, context_len=1)``, each through
    ``make_disjoint_window``.
    """
    known = [prefix, *ids]
    first = min(window, len(ids))
    yield known[:1], known[1 : first + 1]
    for begin in range(first, len(ids), window):
        end = min(begin + window, len(ids))
        context = known[end - window : end]
        yield context[: len(context) - (end - begin - 1)], ids[begin:end]


def expected_nats(ids: list[int], window: int) -> list[float]:
    nats: list[float] = []
    for context, continuation in windows(ids, 0, window):
        logits, _ = read_logits(network(), [*context, *continuation[:-1]])
        logs = torch.log_softmax(logits[len(context) - 1 :].double(), dim=1)
        chosen = logs.gather(1, torch.tensor(continuation)[:, None])[:, 0]
        nats += (-chosen).tolist()
    return nats


def read(
    ids: list[int], window: int, cuts: list[int], num_copies: int = 1, **engine: int
) -> list[list[float]]:
    reader = engine_of(network(), **engine)
    sequences = (
        WindowedSequence(n, pieces(tokens_of(ids), cuts), 0, window) for n in range(num_copies)
    )
    found: list[list[float]] = [[] for _ in range(num_copies)]
    for result in reader.run(sequences, Wants(window=window)):
        assert isinstance(result, ScoredChunk) and isinstance(result.sequence.key, int)
        found[result.sequence.key] += result.nll.tolist()
    return found


texts = st.lists(st.integers(0, 255), min_size=1, max_size=40)


@settings(max_examples=15)
@given(
    ids=texts,
    window=st.integers(1, 45),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    budget=st.integers(1, 50),
    num_slots=st.integers(1, 3),
)
def test_every_token_is_conditioned_on_its_window(
    ids: list[int], window: int, cuts: list[int], budget: int, num_slots: int
) -> None:
    found = read(ids, window, cuts, 3, tokens_per_step=budget, num_slots=num_slots)
    [alone] = read(ids, window, [], num_slots=1, tokens_per_step=64)
    assert found == [alone] * 3
    np.testing.assert_allclose(alone, expected_nats(ids, window), rtol=1e-4, atol=1e-4)


@given(ids=texts, window=st.integers(1, 45))
def test_the_windows_are_those_of_the_harness(ids: list[int], window: int) -> None:
    utils = pytest.importorskip("lm_eval.utils", reason="lm-eval is not installed")
    theirs = map(
        utils.make_disjoint_window, utils.get_rolling_token_windows(ids, 0, window, context_len=1)
    )
    assert list(windows(ids, 0, window)) == list(theirs)


@pytest.mark.parametrize("version", [Version.V4, Version.V7])
def test_a_text_no_longer_than_a_window_is_read_as_ever(version: Version) -> None:
    engine, text = engine_of(network(version)), b"Nothing has to be forgotten."
    for window in (len(text), len(text) + 1, 1000):
        wants = Wants(window=window)
        nats = [
            [
                float(x)
                for result in engine.run(iter([sequence]), wants)
                if isinstance(result, ScoredChunk)
                for x in result.nll
            ]
            for sequence in (engine.sequence(0, [text], wants=wants), engine.sequence(0, [text]))
        ]
        assert nats[0] == nats[1] and len(nats[0]) == len(text)


@pytest.mark.parametrize("window", [1, 7, 16, 100])
@pytest.mark.parametrize("size", [15, 16, 50, 99, 112])
def test_a_document_goes_on_from_any_snapshot(window: int, size: int) -> None:
    engine = engine_of(network(), tokens_per_step=5)
    text = bytes(range(65, 65 + 26)) * 5
    wants, chunks = Wants(window=window), [text[:size]]

    def run(snapshot: Snapshot | None) -> tuple[list[float], list[tuple[int, Snapshot]]]:
        nats: list[float] = []
        saved: list[tuple[int, Snapshot]] = []
        sequence = engine.sequence(0, chunks, 1, snapshot, wants)
        for result in engine.run(iter([sequence]), wants):
            assert isinstance(result, ScoredChunk)
            nats += result.nll.tolist()
            if result.snapshot is not None:
                copy = unpacked(packed(result.snapshot.save()))
                saved.append((len(nats), Snapshot.restore(copy)))
        return nats, saved

    whole, snapshots = run(None)
    assert len(whole) == size and (snapshots or size < window)
    for num_tokens, snapshot in snapshots:
        rest, _ = run(snapshot)
        assert whole[num_tokens:] == rest

"""What might follow a context: its nats and whether it was foreseen, whoever is read beside it."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine.engine import Engine
from longriver.engine.network import Network
from longriver.engine.result import ScoredChunk
from longriver.engine.version import Version
from longriver.engine.wants import UNSCORED
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of

Found = list[list[tuple[float, bool]]]

CONTEXTS = [b"A river has no end", b"", b"x" * 70]
TEXTS = [[b", nor has it a beginning", b"."], [b"Nothing before"], [b"y", b"z" * 80, b"y"]]


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def found_by(engine: Engine, contexts: list[bytes], texts: list[list[bytes]]) -> Found:
    trunks, all_candidates = [], []
    for context, some in zip(contexts, texts, strict=True):
        trunk = engine.sequence(None, [context])
        candidates = engine.candidates(None, context, some)
        trunk.followers = tuple(candidates)
        trunks.append(trunk)
        all_candidates.append(candidates)
    num_read = 0
    for result in engine.run(iter(trunks), UNSCORED):
        assert isinstance(result, ScoredChunk)
        num_read += len(result.tokens)
    assert num_read == sum(map(len, contexts)) + sum(len(t) for some in texts for t in some)
    return [[(each.nll, each.is_greedy) for each in some] for some in all_candidates]


@settings(max_examples=20)
@given(budget=st.integers(1, 150), num_slots=st.integers(1, 5))
def test_candidates_do_not_feel_neighbours_or_chunks(budget: int, num_slots: int) -> None:
    """Their context is read once, however many they are: every token is counted above."""
    together = found_by(
        engine_of(network(), num_slots=num_slots, tokens_per_step=budget), CONTEXTS, TEXTS
    )
    alone = engine_of(network(), num_slots=1, tokens_per_step=64)
    for context, some, found in zip(CONTEXTS, TEXTS, together, strict=True):
        assert found == found_by(alone, [context], [some])[0]


@pytest.mark.parametrize("version", list(Version))
def test_a_candidate_is_greedy_where_every_token_is_the_likeliest(version: Version) -> None:
    engine, context = engine_of(network(version), tokens_per_step=7), b"Seen from here"
    ids = [engine.prefix_token, *context]
    for _ in range(9):
        logits, _ = read_logits(network(version), ids)
        ids.append(int(logits[-1].argmax()))
    likeliest = bytes(ids[-9:])
    other = likeliest[:-1] + bytes([(likeliest[-1] + 1) % 256])
    [[(nll, is_greedy), (_, is_other_greedy)]] = found_by(engine, [context], [[likeliest, other]])
    logits, _ = read_logits(network(version), ids)
    rows = logits[len(context) : len(context) + 9].double().log_softmax(1).numpy()
    assert is_greedy and not is_other_greedy
    assert nll == pytest.approx(-rows[np.arange(9), ids[-9:]].sum(), rel=1e-4)

"""What is written behind prompts: as PyPI `rwkv` would, whatever the company, to the end."""

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rwkv.utils import PIPELINE, PIPELINE_ARGS

from longriver.engine import Sampling
from longriver.engine.config import ModelConfig
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError, OrderError
from longriver.engine.generate.finish_reason import FinishReason
from longriver.engine.generate.sequence import Continuation, GeneratingSequence
from longriver.engine.network import Network
from longriver.engine.result import Failed
from longriver.engine.version import Version
from longriver.engine.wants import UNSCORED
from longriver.engine.weights import read_tensors
from tests.checkpoints import loaded, network_of, random_rwkv, saved
from tests.engine.network.oracle import Oracle
from tests.engine.reading import engine_of

PROMPT = "A river has no end."
SEVERAL = [PROMPT, "", "x", "Nor has it a beginning, seen from here; but it has two banks."]
HOW = Sampling(
    max_tokens=6, temperature=1.3, top_p=0.95, top_k=60, presence_penalty=0.5, stop=("\x05", "ab")
)


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def greedy(max_tokens: int, **how: float) -> Sampling:
    return Sampling.model_validate(
        {"max_tokens": max_tokens, "temperature": 0, "stop_tokens": (), **how}
    )


def greedy_by_oracle(oracle: Oracle, prompt: bytes, count: int) -> list[int]:
    logits, state = oracle.logits([0, *prompt])
    found = [int(logits[-1].argmax())]
    while len(found) < count:
        logits, state = oracle.logits(found[-1:], state)
        found.append(int(logits[-1].argmax()))
    return found


@pytest.mark.parametrize("version", list(Version))
def test_greedy_tokens_are_those_of_pypi_rwkv(version: Version, tmp_path: Path) -> None:
    tensors = random_rwkv(version, num_heads=2, head_size=32, seed=3)
    oracle = Oracle(saved(tensors, tmp_path / "model.pth"), version)
    engine = engine_of(network_of(tensors), tokens_per_step=7, num_slots=3)
    for prompt, [found] in zip(SEVERAL, engine.generate(SEVERAL, greedy(24)), strict=True):
        assert list(found.token_ids) == greedy_by_oracle(oracle, prompt.encode(), 24)


def test_the_embedded_model_writes_what_pypi_rwkv_writes(tmp_path: Path) -> None:
    engine = engine_of(loaded("demo"))
    oracle = Oracle(saved(read_tensors(ModelConfig()), tmp_path / "demo.pth"), Version.V7)
    prompt = "It is a truth universally acknowledged, that"
    [[found]] = engine.generate([prompt], greedy(64))
    assert list(found.token_ids) == greedy_by_oracle(oracle, prompt.encode(), 64)
    assert found.text.isascii() and found.finish_reason == "length"


class Unspaced:
    """A vocabulary for PyPI `rwkv`'s pipeline in which nothing is a digit or a space."""

    def encode(self, text: str) -> list[int]:
        return [0, *text.encode()]

    def decode(self, ids: list[int]) -> str:
        return "letter"


class NotingPipeline(PIPELINE):
    """That pipeline; notes the tokens that it chooses."""

    def __init__(self, oracle: Oracle) -> None:
        self.model, self.tokenizer = oracle.model, Unspaced()
        self.chosen: list[int] = []

    def sample_logits(self, *logits: Any, **how: Any) -> int:
        self.chosen.append(super().sample_logits(*logits, **how))
        return self.chosen[-1]


def test_penalties_fade_as_in_pypi_rwkv(tmp_path: Path) -> None:
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=32, seed=5)
    pipeline = NotingPipeline(Oracle(saved(tensors, tmp_path / "model.pth"), Version.V7))
    args = PIPELINE_ARGS(
        temperature=0, alpha_frequency=0.7, alpha_presence=0.3, alpha_decay=0.9, token_stop=[]
    )
    pipeline.generate(PROMPT, token_count=60, args=args)
    how = greedy(60, frequency_penalty=0.7, presence_penalty=0.3, penalty_decay=0.9)
    [[found]] = engine_of(network_of(tensors)).generate([PROMPT], how)
    assert list(found.token_ids) == pipeline.chosen and len(set(pipeline.chosen)) > 20


@cache
def alone(sample: int, prompt: int) -> Continuation:
    engine = engine_of(network(), num_slots=1, tokens_per_step=64)
    prompts = ["" if index != prompt else text for index, text in enumerate(SEVERAL)]
    return engine.generate(prompts, HOW, sample + 1)[prompt][sample]


@settings(max_examples=8)
@given(
    budget=st.integers(1, 24),
    num_slots=st.integers(1, 7),
    num_samples=st.integers(1, 3),
    order=st.permutations(range(len(SEVERAL))),
)
def test_what_is_written_does_not_feel_neighbours_or_steps(
    budget: int, num_slots: int, num_samples: int, order: list[int]
) -> None:
    """To the bit: text, tokens and nats."""
    engine = engine_of(network(), num_slots=num_slots, tokens_per_step=budget)
    found: dict[tuple[int, int], Continuation] = {}
    trunks = []
    for index in order:
        trunk = engine.sequence(None, [SEVERAL[index].encode()], wants=UNSCORED)
        trunk.followers = tuple(
            engine.continuation(index, HOW, str(index), sample) for sample in range(num_samples)
        )
        trunks.append(trunk)
    for result in engine.run(iter(trunks), UNSCORED):
        written = result.sequence
        if isinstance(written, GeneratingSequence) and written.finish_reason is not None:
            found[int(str(written.key)), written.sample] = written.result
    for index, sample in itertools.product(order, range(num_samples)):
        assert found[index, sample] == alone(sample, index)


def test_samples_differ_and_seeds_do() -> None:
    engine = engine_of(network())
    texts = [each.text for each in engine.generate([PROMPT], HOW, 4)[0]]
    assert len(set(texts)) == 4
    other = HOW.model_copy(update={"seed": 1})
    assert [each.text for each in engine.generate([PROMPT], other, 4)[0]] != texts


def test_chunks_bring_each_token_with_its_nats() -> None:
    """Those that the token has when the whole is scored."""
    engine = engine_of(network(), tokens_per_step=9)
    trunk = engine.sequence(None, [PROMPT.encode()], wants=UNSCORED)
    written = engine.continuation(None, HOW, "", 0)
    trunk.followers = (written,)
    results = [each for each in engine.run(iter([trunk]), UNSCORED) if each.sequence is written]
    assert all(not isinstance(each, Failed) for each in results)
    assert [each.is_last for each in results] == [False] * (len(results) - 1) + [True]
    tokens = [int(token) for each in results for token in each.tokens.ids]
    nats = np.concatenate([each.nll for each in results])
    assert tuple(tokens) == written.result.token_ids
    assert written.result.nll == float(nats.astype(np.float64).sum())
    before, whole = engine.score([PROMPT.encode(), PROMPT.encode() + bytes(tokens)])
    assert written.result.nll == pytest.approx(whole.nats - before.nats, abs=1e-4)


def test_a_stop_text_ends_it_and_is_not_in_it() -> None:
    engine = engine_of(loaded("demo"))
    prompt = "It is a truth universally acknowledged, that"
    [[whole]] = engine.generate([prompt], greedy(60))
    place = whole.text.index(" ", 20)
    stop = whole.text[place : place + 5]
    [[found]] = engine.generate([prompt], greedy(60).model_copy(update={"stop": (stop, "§")}))
    first = whole.text.index(stop)
    assert (found.text, found.finish_reason) == (whole.text[:first], FinishReason.STOP)
    assert len(found.token_ids) == first + len(stop)  # of a byte each


def test_a_stop_token_ends_it_and_says_nothing() -> None:
    engine = engine_of(network())
    [[whole]] = engine.generate([PROMPT], greedy(30))
    token = whole.token_ids[10]
    first = whole.token_ids.index(token)
    [[found]] = engine.generate([PROMPT], greedy(30).model_copy(update={"stop_tokens": (token,)}))
    assert found.token_ids == whole.token_ids[: first + 1]
    assert found.finish_reason == FinishReason.END_TOKEN
    assert found.text == bytes(whole.token_ids[:first]).decode(errors="replace")


def test_the_shortest_continuation_is_a_token() -> None:
    [[found]] = engine_of(network()).generate([""], greedy(1))
    assert len(found.token_ids) == 1 and found.finish_reason == FinishReason.LENGTH


def test_a_stream_says_the_same_piece_by_piece() -> None:
    engine = engine_of(network())
    how = Sampling(max_tokens=40)
    pieces = list(engine.stream(PROMPT, how))
    assert "".join(pieces) == engine.generate([PROMPT], how)[0][0].text and len(pieces) > 5
    assert engine.generate([], how) == []


def broken() -> Engine:
    """A network that is beside itself once it reads a 7."""
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=16)
    tensors["emb.weight"][7] = 3e38
    return engine_of(network_of(tensors), num_slots=2)


def test_numbers_that_are_not_finite_end_one_document_alone() -> None:
    engine = broken()
    trunks = [engine.sequence(i, [text], wants=UNSCORED) for i, text in enumerate((b"\7", b"x"))]
    for trunk in trunks:
        trunk.followers = (engine.continuation(trunk.key, HOW, "", 0),)
    ends = {
        result.sequence.key: result
        for result in engine.run(iter(trunks), UNSCORED)
        if isinstance(result.sequence, GeneratingSequence)
    }
    bad, good = ends[0], ends[1]
    assert isinstance(bad, Failed) and bad.error.reason == "nonfinite"
    assert not isinstance(good, Failed) and good.is_last
    with pytest.raises(DocumentError, match="nonfinite"):
        engine.generate([b"\7"], HOW)
    with pytest.raises(DocumentError, match="nonfinite"):
        list(engine.stream(b"\7", HOW))


def test_tokens_without_a_text_are_never_written() -> None:
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=16, vocab_size=300)
    tensors["head.weight"][256:] *= 5
    engine = engine_of(network_of(tensors))
    for sampling in (greedy(30), Sampling(max_tokens=30)):
        [[found]] = engine.generate([PROMPT], sampling)
        assert max(found.token_ids) < 256


def test_a_stop_token_that_the_network_has_not_is_refused() -> None:
    with pytest.raises(OrderError, match="stop_tokens=256: the checkpoint has 256 tokens"):
        engine_of(network()).generate([PROMPT], Sampling(stop_tokens=(256,)))


def test_no_continuation_at_all_is_refused() -> None:
    with pytest.raises(OrderError, match="num_samples=0: give at least 1"):
        engine_of(network()).generate([PROMPT], num_samples=0)

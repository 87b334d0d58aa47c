"""From logits to a token: cut as others cut, drawn as probabilities say, penalised by the book."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from longriver.engine.errors import OrderError
from longriver.engine.generate.sampler import (
    Sampler,
    check_stop_tokens,
    drawn,
    key_of,
    uniform,
    weights,
    writable,
)
from longriver.engine.generate.sampling import Sampling
from longriver.engine.tokenizer.bytes import ByteTokenizer

CHI_SQUARED_0999_OF_7 = 24.32  # the 99.9 % point of chi-squared with 7 degrees of freedom

seeds = st.integers(0, 10**6)


def logits_of(seed: int, size: int = 50, scale: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, size)


def as_transformers_has_it(
    logits: np.ndarray, temperature: float, top_k: int | None, top_p: float
) -> np.ndarray:
    """What ``TemperatureLogitsWarper``, ``TopK…`` and ``TopP…`` do, in torch and float64."""
    scores = torch.from_numpy(logits) / temperature
    if top_k is not None:
        kth = torch.topk(scores, min(top_k, len(scores)))[0][-1]
        scores = scores.masked_fill(scores < kth, -torch.inf)
    if top_p < 1:
        ascending, order = torch.sort(scores, descending=False)
        is_out = ascending.softmax(-1).cumsum(-1) <= 1 - top_p
        is_out[-1:] = False
        scores = scores.masked_fill(is_out.scatter(0, order, is_out), -torch.inf)
    return scores.softmax(-1).numpy()


@given(
    seed=seeds,
    temperature=st.floats(0.05, 5),
    top_k=st.none() | st.integers(1, 60),
    top_p=st.floats(0.01, 1),
)
def test_probabilities_are_those_of_transformers(
    seed: int, temperature: float, top_k: int | None, top_p: float
) -> None:
    logits = logits_of(seed)
    found = weights(logits, Sampling(temperature=temperature, top_k=top_k, top_p=top_p))
    expected = as_transformers_has_it(logits, temperature, top_k, top_p)
    np.testing.assert_allclose(found / found.sum(), expected, rtol=1e-9, atol=1e-300)


def kept(logits: list[float], **how: object) -> list[int]:
    return np.nonzero(weights(np.array(logits), Sampling.model_validate(how)))[0].tolist()


def test_cuts_at_their_edges() -> None:
    assert kept([1, 3, 2, 0], top_k=1) == [1]
    assert kept([1, 3, 2, 0], top_k=400) == [0, 1, 2, 3]
    assert kept([1, 3, 3, 0], top_k=1) == [1, 2]  # equally likely
    assert kept([1, 3, 2, 0], top_p=1e-9) == [1]
    assert kept([0, 0, 0, 0], top_p=0.5) == [0, 1]
    assert kept([0, 0, 0, 0], top_p=0.51) == [0, 1, 2]
    assert kept([0, -1, -800, -2]) == [0, 1, 3]  # the third is 0 in float64
    assert kept([0, -1, -2], temperature=1e-300) == [0]
    assert kept([0, -np.inf, 0], top_p=0.999, temperature=100) == [0, 2]


def test_cuts_apply_together_and_in_order() -> None:
    logits = list(np.log([0.4, 0.3, 0.2, 0.1]))
    assert kept(logits, top_p=0.7) == [0, 1]
    assert kept(logits, top_k=2, top_p=0.7) == [0, 1]
    assert kept(logits, top_k=2, top_p=0.5) == [0]  # of the two, the first has 4/7
    assert kept(logits, temperature=4, top_p=0.7) == [0, 1, 2]


def plainly_drawn(weights_V: list[float], chance: float) -> int:
    end, whole = 0.0, 0.0
    for weight in weights_V:
        whole += weight
    for token, weight in enumerate(weights_V):
        end += weight
        if chance * whole < end:
            return token
    return max(token for token, weight in enumerate(weights_V) if weight)


@given(
    st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=1, max_size=20).filter(any),
    st.floats(0, 1, exclude_max=True),
)
def test_a_token_is_drawn_whose_stretch_the_chance_falls_into(
    weights_V: list[float], chance: float
) -> None:
    found = drawn(np.array(weights_V), chance)
    assert found == plainly_drawn(weights_V, chance) and weights_V[found] > 0


def test_the_largest_chance_draws_the_last_token_that_is_likely() -> None:
    assert drawn(np.array([0.5, 0.5, 0.0]), 1 - 2.0**-53) == 1
    assert drawn(np.array([1.1, 0.7, 0.0]), 1 - 2.0**-53) == 1


def test_tokens_come_as_often_as_they_are_likely() -> None:
    """And those of another seed, document or sample come otherwise."""
    logits = logits_of(1, size=8, scale=1).astype(np.float32)
    allowed = np.ones(8, np.bool_)
    sampler = Sampler(Sampling(seed=5, stop_tokens=()), allowed, "document", 0)
    chosen = [sampler.choose(logits)[0] for _ in range(6_000)]
    expected = torch.from_numpy(logits).double().softmax(-1).numpy() * len(chosen)
    counts = np.bincount(chosen, minlength=8)
    assert ((counts - expected) ** 2 / expected).sum() < CHI_SQUARED_0999_OF_7
    for seed, name, sample in ((6, "document", 0), (5, "documents", 0), (5, "document", 1)):
        other = Sampler(Sampling(seed=seed, stop_tokens=()), allowed, name, sample)
        assert [other.choose(logits)[0] for _ in range(50)] != chosen[:50]


def test_chance_depends_on_key_and_step_alone() -> None:
    """These numbers may never change: what was once written can be written again."""
    key = key_of(0, "books/a.txt", 0)
    numbers = [uniform(key, step) for step in range(3)]
    assert numbers == [0.09868439778973537, 0.1241436158828878, 0.7730063814980332]
    assert [uniform(key, step) for step in (2, 0, 1)] == [numbers[2], *numbers[:2]]
    found = np.array([uniform(key, step) for step in range(500)])
    assert found.min() >= 0 and found.max() < 1 and abs(found.mean() - 0.5) < 0.05


def test_names_of_any_kind_have_chances_of_their_own() -> None:
    names = ["", "1", "a", "水", "\ud800", "a\n0"]
    keys = {key_of(a, name, b) for a in (0, 1) for b in (0, 1) for name in names}
    assert len(keys) == 4 * len(names)


def plainly_chosen(logits: list[np.ndarray], how: Sampling) -> list[int]:
    """Greedy choices with penalties, as a loop over all that was written."""
    counts: dict[int, float] = {}
    chosen = []
    for row in logits:
        z = row.astype(np.float64)
        for token, count in counts.items():
            z[token] = (
                z[token] / how.repetition_penalty
                if z[token] > 0
                else z[token] * how.repetition_penalty
            )
            z[token] -= how.presence_penalty
            z[token] -= how.frequency_penalty * count
        chosen.append(int(np.argmax(z)))
        for token in counts:
            counts[token] *= how.penalty_decay
        counts[chosen[-1]] = counts.get(chosen[-1], 0.0) + 1
    return chosen


@given(
    seed=seeds,
    presence=st.floats(-2, 2),
    frequency=st.floats(-2, 2),
    repetition=st.floats(0.5, 2),
    decay=st.floats(0, 1),
)
def test_penalties_are_those_of_a_plain_loop(
    seed: int, presence: float, frequency: float, repetition: float, decay: float
) -> None:
    how = Sampling(
        temperature=0,
        presence_penalty=presence,
        frequency_penalty=frequency,
        repetition_penalty=repetition,
        penalty_decay=decay,
    )
    logits = [logits_of(seed + step, size=6).astype(np.float32) for step in range(20)]
    sampler = Sampler(how, np.ones(6, np.bool_), "", 0)
    assert [sampler.choose(row)[0] for row in logits] == plainly_chosen(logits, how)


@given(seeds)
def test_nats_are_of_the_network_as_it_is(seed: int) -> None:
    how = Sampling(temperature=0.3, top_k=5, presence_penalty=1)
    sampler = Sampler(how, np.ones(50, np.bool_), "", 0)
    for step in range(5):
        logits = logits_of(seed + step, scale=10).astype(np.float32)
        token, nats = sampler.choose(logits)
        expected = -torch.from_numpy(logits).double().log_softmax(-1)[token]
        assert nats.dtype == np.float32 and float(nats) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_choose_nothing(wrong: float) -> None:
    sampler = Sampler(Sampling(), np.ones(3, np.bool_), "", 0)
    assert np.isnan(sampler.choose(np.array([1, wrong, 2], np.float32))[1])


def test_only_tokens_with_a_text_are_chosen_and_those_that_stop() -> None:
    class Gaps(ByteTokenizer):
        def decode(self, ids: npt.ArrayLike) -> bytes:
            found = super().decode(ids)
            if 3 in found:
                raise ValueError("3")
            return found

    allowed = writable(Gaps(), 300)
    assert allowed.sum() == 255 and not allowed[[3, 256, 299]].any()
    logits = np.zeros(300, np.float32)
    logits[[3, 256, 7]] = 9, 9, 5
    for stop_tokens, expected in (((), 7), ((256,), 256)):
        sampler = Sampler(Sampling(temperature=0, stop_tokens=stop_tokens), allowed, "", 0)
        assert sampler.choose(logits)[0] == expected


def test_stop_tokens_are_of_the_vocabulary() -> None:
    check_stop_tokens((0, 255), 256, "key")
    with pytest.raises(OrderError, match=r"key=256,300: the checkpoint has 256 tokens; give ids"):
        check_stop_tokens((0, 256, 300), 256, "key")


def test_a_text_or_an_id_alone_is_a_list_of_one() -> None:
    sampling = Sampling.model_validate({"stop": "a b", "stop_tokens": 7})
    assert (sampling.stop, sampling.stop_tokens) == (("a b",), (7,))
    with pytest.raises(ValidationError):
        Sampling.model_validate({"stop": [""]})

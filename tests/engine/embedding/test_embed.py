"""``Engine.embed`` against float64, and against what sentence-transformers' users expect."""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longriver.engine.embedding.form import Form
from longriver.engine.embedding.pool import Pool, Pooling
from longriver.engine.embedding.sketch import sketch
from longriver.engine.engine import Engine
from longriver.engine.errors import DocumentError, OrderError
from longriver.engine.network import Network
from longriver.engine.reference import Reference
from longriver.engine.saved import packed, unpacked
from longriver.engine.version import Version
from tests.checkpoints import network_of, random_rwkv
from tests.engine.network.oracle import read_logits
from tests.engine.reading import engine_of

POOLINGS: tuple[Pooling, ...] = ("mean", "last", "weighted", "state")
TEXTS = ["A river has no end.", "x", "", "Nor has it a beginning, seen from here.", "水は流れる"]
VERSIONS = (Version.V4, Version.V5_2, Version.V6, Version.V7)
Doubles = NDArray[np.float64]


@cache
def network(version: Version = Version.V7) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16))


def engine(**settings: int | str) -> Engine:
    return engine_of(network(), **settings)


def exact_hidden(version: Version, ids: list[int]) -> Doubles:
    """[n, D] behind every token, what the head sees, from the float64 reference's logits."""
    tensors = random_rwkv(version, num_heads=2, head_size=16)
    logits = Reference(tensors).logits([0, *ids])[1:]
    head = tensors["head.weight"].double().numpy()
    found: Doubles = np.linalg.lstsq(head, logits.T, rcond=None)[0].T
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("passes", [1, 2])
def test_pools_of_vectors_are_those_of_float64(version: Version, passes: int) -> None:
    text = b"The river is long."
    hidden = exact_hidden(version, list(text) * passes)[-len(text) :]
    weights = np.arange(1, len(text) + 1)[:, None]
    expected = {
        "mean": hidden.mean(0),
        "last": hidden[-1],
        "weighted": (hidden * weights).sum(0) / weights.sum(),
    }
    reader = engine_of(network(version), tokens_per_step=7)
    for pooling, vector in expected.items():
        found = reader.embed(text, pooling=pooling, passes=passes)
        np.testing.assert_allclose(found, vector, rtol=1e-3, atol=1e-4)


def test_what_enters_the_first_layer_is_the_normed_embedding() -> None:
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=16)
    table = tensors["emb.weight"].double().numpy()[list(b"abc")]
    weight, bias = (tensors[f"blocks.0.ln0.{x}"].double().numpy() for x in ("weight", "bias"))
    centred = table - table.mean(1, keepdims=True)
    rows = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * weight + bias
    np.testing.assert_allclose(engine().embed("abc", layer=0), rows.mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("layer", [1, 2, -1])
def test_a_state_is_sketched_right_behind_the_last_token(version: Version, layer: int) -> None:
    text = b"The river is long."
    _, state = read_logits(network(version), [0, *text])
    found = engine_of(network(version)).embed(text, pooling="state", layer=layer)
    assert np.array_equal(found, sketch(state, layer).astype(np.float32))


@given(st.integers(0, 2**32 - 1))
def test_a_sketch_keeps_angles_about(seed: int) -> None:
    """Orthonormal rows: nothing grows, and of many numbers the lengths stay alike."""
    torch.manual_seed(seed)
    blank = network().blank
    state = blank.clone()
    state.wkv.normal_()
    length = float(np.linalg.norm(sketch(state, 1)))
    assert 0 < length <= 1
    assert 0.5 < length * (16**0.5) < 1.6


@settings(max_examples=25)
@given(
    pooling=st.sampled_from(POOLINGS),
    passes=st.sampled_from([1, 2]),
    budget=st.integers(1, 40),
    num_slots=st.integers(1, 5),
)
def test_a_vector_does_not_feel_neighbours_or_chunks(
    pooling: Pooling, passes: int, budget: int, num_slots: int
) -> None:
    together = engine(num_slots=num_slots, tokens_per_step=budget)
    found = together.embed(TEXTS, pooling=pooling, passes=passes)
    alone = engine(num_slots=1, tokens_per_step=64)
    expected = [alone.embed(text, pooling=pooling, passes=passes) for text in TEXTS]
    assert np.array_equal(found, np.stack(expected))


def test_shapes_types_and_empty_texts_are_as_in_encode() -> None:
    width = network().width
    found = engine().embed(TEXTS)
    assert found.shape == (len(TEXTS), width) and found.dtype == np.float32
    assert not found[2].any() and found[[0, 1, 3, 4]].any(1).all()
    assert engine().embed("one").shape == (width,)
    assert engine().embed([]).shape == (0, width)
    assert engine().embed(iter([b"bytes"])).shape == (1, width)


def test_normalized_vectors_have_length_1_behind_the_cut() -> None:
    found = engine().embed(TEXTS, normalize_embeddings=True, truncate_dim=10)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0, 1, 1], rtol=1e-6)
    plain = engine().embed(TEXTS)[0, :10]
    np.testing.assert_allclose(found[0], plain / np.linalg.norm(plain), rtol=1e-6)


def test_precisions_are_the_same_vector_rounded() -> None:
    plain = engine().embed(TEXTS[0])
    half = engine().embed(TEXTS[0], precision="float16")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, plain, rtol=1e-3, atol=1e-6)
    bits = engine().embed(TEXTS[0], precision="ubinary")
    assert bits.dtype == np.uint8 and np.array_equal(np.unpackbits(bits), plain > 0)
    small = engine().embed(TEXTS[0], precision="int8")
    assert small.dtype == np.int8 and np.abs(small).max() == 127
    step = np.abs(plain).max() / 127
    np.testing.assert_allclose(small * step, plain, atol=0.51 * step)


def test_zeros_stay_zeros_in_every_form() -> None:
    for precision in ("float32", "float16", "int8", "ubinary"):
        form = Form(None, True, precision)
        assert np.array_equal(form.of(np.zeros(16)), form.nothing(16))
        assert form.nothing(16).dtype.name == form.number_type


@pytest.mark.parametrize("layer", [-2, 3])
def test_a_layer_that_is_not_there_is_refused(layer: int) -> None:
    with pytest.raises(OrderError, match=rf"layer={layer}: the checkpoint has 2 layers; give 0 to"):
        engine().embed("x", layer=layer)
    with pytest.raises(OrderError, match="give 1 to 2, or -1 for all of them"):
        engine().embed("x", pooling="state", layer=0)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"pooling": "max"}, "pooling=max: give one of mean, last, weighted, state"),
        (
            {"precision": "float64"},
            "precision=float64: give one of float32, float16, int8, ubinary",
        ),
        ({"passes": 3}, "passes=3: give one of 1, 2"),
        ({"layer": 1.5}, "layer=1.5: the checkpoint has 2 layers; give 0 to 2"),
        ({"layer": "1"}, "layer=1: the checkpoint has 2 layers; give 0 to 2"),
        (
            {"truncate_dim": 0},
            "truncate_dim=0: the checkpoint's vectors have 32 numbers; give 1 to",
        ),
        ({"truncate_dim": 33}, "truncate_dim=33: the checkpoint's vectors have 32 numbers"),
        ({"truncate_dim": 12, "precision": "ubinary"}, "truncate_dim=12 with precision=ubinary"),
    ],
)
def test_vectors_that_there_are_not_are_refused(wish: dict[str, Any], sentence: str) -> None:
    """Also where no text has a token that would find out."""
    with pytest.raises(OrderError, match=re.escape(sentence)):
        engine().embed([], **wish)


@pytest.mark.parametrize("pooling", ["mean", "state"])
def test_numbers_that_are_none_are_an_error(pooling: Pooling) -> None:
    tensors = random_rwkv(Version.V7, num_heads=2, head_size=16)
    tensors["emb.weight"][ord("x")] = 0
    tensors["blocks.0.ln0.bias"] += 1e30
    broken = engine_of(network_of(tensors))
    with pytest.raises(DocumentError, match="not finite"):
        broken.embed("xyz", pooling=pooling)


@given(st.sampled_from(["mean", "last", "weighted"]), st.integers(0, 9), st.integers(0, 9))
def test_a_pool_that_was_put_aside_goes_on_to_the_bit(pooling: Pooling, a: int, b: int) -> None:
    rows = torch.randn(a + b + 1, 8, generator=torch.Generator().manual_seed(a))
    whole, part = Pool(pooling, -1), Pool(pooling, -1)
    whole.add(len(rows), rows)
    part.add(a, rows[:a])
    again = Pool(pooling, -1)
    again.restore(unpacked(packed(part.save())))
    again.add(b + 1, rows[a:])
    assert np.array_equal(again.vector(None), whole.vector(None))

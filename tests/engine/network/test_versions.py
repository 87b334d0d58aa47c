"""Every version against two oracles that we did not build it from: PyPI `rwkv` and float64."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from longriver.engine.config import ModelConfig
from longriver.engine.reference import Reference
from longriver.engine.state_layout import from_rwkv, to_rwkv
from longriver.engine.version import Version, version_of
from longriver.engine.weights import read_tensors
from tests.checkpoints import loaded, network_of, random_rwkv, saved
from tests.engine.network.oracle import Oracle, read_logits
from tests.engine.reading import engine_of, read

SIZES: tuple[dict[str, Any], ...] = (
    {"num_heads": 2, "vocab_size": 256, "num_layers": 3},
    {"num_heads": 5, "head_size": 32, "vocab_size": 700, "ranks": (24, 8, 16, 40)},
)
LENGTHS = (1, 2, 15, 16, 17, 63, 128, 200)
BOUNDARIES = (1, 2, 15, 16, 17, 63, 128)
LOGITS, NATS, REFERENCE = 2e-5, 1e-4, 1e-5
HALF = 3e-2


class Model:
    """One checkpoint in a file, here, in PyPI `rwkv` and in float64."""

    def __init__(self, version: Version, size: dict[str, Any], folder: Path) -> None:
        self.version = version
        self.tensors = random_rwkv(version, **size)
        self.path = saved(self.tensors, folder / "random.pth")
        self.network = loaded(self.path)
        self.oracle = Oracle(self.path, version)
        self.reference = Reference(self.tensors)
        generator = np.random.default_rng(7)
        self.documents = [generator.integers(0, size["vocab_size"], n).tolist() for n in LENGTHS]
        self.ids = self.documents[-1]


@pytest.fixture(
    scope="module",
    params=list(itertools.product(Version, range(len(SIZES)))),
    ids=lambda param: f"v{param[0]}-{'D128' if param[1] == 0 else 'D160'}",
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    version, size = request.param
    return Model(version, SIZES[size], tmp_path_factory.mktemp("checkpoint"))


def test_the_version_is_told_by_keys_and_shapes(model: Model) -> None:
    assert version_of("x", model.tensors) == model.network.version == model.version


def test_logits_agree_with_pypi_rwkv_across_chunk_boundaries(model: Model) -> None:
    expected, _ = model.oracle.logits(model.ids)
    found, _ = read_logits(model.network, model.ids, BOUNDARIES)
    assert (found - expected).abs().max() < LOGITS


def test_logits_token_by_token_agree_with_pypi_rwkv(model: Model) -> None:
    ids = model.ids[:40]
    found, _ = read_logits(model.network, ids, range(1, len(ids)))
    assert (found - model.oracle.one_by_one(ids)).abs().max() < LOGITS


def test_states_convert_to_pypi_rwkv_and_back(model: Model) -> None:
    before, after = model.ids[:50], model.ids[50:90]
    expected, _ = model.oracle.logits(model.ids[:90])
    _, state = read_logits(model.network, before)
    theirs, _ = model.oracle.logits(after, to_rwkv(state))
    assert (theirs - expected[50:]).abs().max() < LOGITS
    _, flat = model.oracle.logits(before)
    ours, _ = read_logits(model.network, after, state=from_rwkv(model.version, flat))
    assert (ours - expected[50:]).abs().max() < LOGITS
    again = from_rwkv(model.version, to_rwkv(state))
    assert torch.equal(again.wkv, state.wkv) and torch.equal(again.shift, state.shift)


def test_scores_agree_with_both_oracles(model: Model) -> None:
    engine = engine_of(model.network, tokens_per_step=100, num_slots=3)
    for ids, nll in zip(model.documents, read(engine, model.documents), strict=True):
        assert np.abs(nll - model.oracle.nll(ids).numpy()).max() < NATS
        assert np.abs(nll - model.reference.nll(ids)).max() < REFERENCE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_keep_the_mean_close(model: Model, dtype: torch.dtype) -> None:
    """What a GPU would run, on CPU, where no order can ask for it."""
    expected = np.concatenate(read(engine_of(model.network), model.documents))
    found = np.concatenate(read(engine_of(loaded(model.path, dtype)), model.documents))
    assert abs(found.mean() - expected.mean()) < HALF


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_scores_on_cuda_stay_close_to_the_cpu(model: Model, dtype: torch.dtype) -> None:
    on_gpu = engine_of(loaded(model.path, dtype, "cuda"), device="cuda")
    expected = np.concatenate(read(engine_of(model.network), model.documents))
    found = np.concatenate(read(on_gpu, model.documents))
    assert abs(found.mean() - expected.mean()) < (NATS if dtype == torch.float32 else HALF)


@pytest.mark.parametrize("version", list(Version))
def test_every_tensor_of_a_checkpoint_matters(version: Version) -> None:
    tensors = random_rwkv(version, num_heads=2, head_size=16)
    ids = list(range(40))
    expected, _ = read_logits(network_of(tensors), ids)
    for key, x in tensors.items():
        changed = tensors | {key: x + 0.3 * x.abs().mean() * torch.randn_like(x)}
        found, _ = read_logits(network_of(changed), ids)
        assert (found - expected).abs().max() > 1e-3, key


def test_the_embedded_model_agrees_with_both_oracles(tmp_path: Path) -> None:
    text = list(b"It was a truth universally acknowledged, that a test must be able to fail. " * 4)
    tensors = read_tensors(ModelConfig())
    oracle = Oracle(saved(tensors, tmp_path / "demo.pth"), Version.V7)
    [nll] = read(engine_of(loaded("demo")), [text])
    assert np.abs(nll - Reference(tensors).nll(text)).max() < REFERENCE
    assert np.abs(nll - oracle.nll(text).numpy()).max() < NATS

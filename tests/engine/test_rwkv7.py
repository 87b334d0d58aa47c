"""The network against two oracles that we did not build it from: PyPI `rwkv` and float64."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from longriver.engine.reference import ReferenceRwkv7
from longriver.engine.rwkv7_load import load_rwkv7
from longriver.engine.rwkv7_weights import Rwkv7
from longriver.engine.weights import locate, read_tensors
from tests.checkpoints import random_rwkv7
from tests.engine.reading import engine_of, read

CPU = torch.device("cpu")
SIZES = (
    {"num_heads": 2, "vocab_size": 256, "num_layers": 3},
    {"num_heads": 3, "vocab_size": 1500, "num_layers": 2, "ranks": (24, 8, 16, 40)},
)
LENGTHS = (1, 2, 15, 16, 17, 63, 128, 300)
ORACLE_TOLERANCE = 1e-4
REFERENCE_TOLERANCE = 1e-5
HALF_TOLERANCE = 3e-2


def random_documents(vocab_size: int) -> list[list[int]]:
    generator = np.random.default_rng(vocab_size)
    return [generator.integers(0, vocab_size, n).tolist() for n in LENGTHS]


def load_oracle(path: Path) -> Any:
    """PyPI `rwkv` on CPU in float32; it takes its switches from the environment, once."""
    os.environ.update(RWKV_V7_ON="1", RWKV_JIT_ON="0", RWKV_CUDA_ON="0")
    from rwkv.model import RWKV

    return RWKV(model=str(path.with_suffix("")), strategy="cpu fp32")


def oracle_nll(oracle: Any, ids: list[int]) -> torch.Tensor:
    logits, _ = oracle.forward([0, *ids[:-1]], None, full_output=True)
    return torch.nn.functional.cross_entropy(
        logits.view(len(ids), -1).float(), torch.tensor(ids), reduction="none"
    )


@pytest.fixture(params=SIZES, ids=lambda size: f"D{64 * size['num_heads']}")
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "random.pth"
    torch.save(random_rwkv7(**request.param), path)
    return path


def model_of(path: Path) -> Rwkv7:
    return load_rwkv7(str(path), CPU, torch.float32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scores_agree_with_pypi_rwkv(checkpoint: Path) -> None:
    model, oracle = model_of(checkpoint), load_oracle(checkpoint)
    documents = random_documents(model.vocab_size)
    found = read(engine_of(model, tokens_per_step=100, num_slots=3), documents)
    for ids, nll in zip(documents, found, strict=True):
        assert np.abs(nll - oracle_nll(oracle, ids).numpy()).max() < ORACLE_TOLERANCE


def test_scores_agree_with_the_float64_reference(checkpoint: Path) -> None:
    model, reference = model_of(checkpoint), ReferenceRwkv7(read_tensors(str(checkpoint)))
    documents = random_documents(model.vocab_size)
    found = read(engine_of(model, tokens_per_step=64, num_slots=4), documents)
    for ids, nll in zip(documents, found, strict=True):
        assert np.abs(nll - reference.nll(ids)).max() < REFERENCE_TOLERANCE


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_embedded_model_agrees_with_both_oracles(tmp_path: Path) -> None:
    text = b"It was a truth universally acknowledged, that a test must be able to fail. " * 4
    tensors = read_tensors("demo")
    torch.save(tensors, tmp_path / "demo.pth")
    model = load_rwkv7(str(locate("demo")), CPU, torch.float32)
    [nll] = read(engine_of(model), [list(text)])
    assert np.abs(nll - ReferenceRwkv7(tensors).nll(list(text))).max() < REFERENCE_TOLERANCE
    oracle = load_oracle(tmp_path / "demo.pth")
    assert np.abs(nll - oracle_nll(oracle, list(text)).numpy()).max() < ORACLE_TOLERANCE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_keep_the_mean_close(checkpoint: Path, dtype: torch.dtype) -> None:
    """What a GPU would run, on CPU, where no order can ask for it."""
    documents = random_documents(model_of(checkpoint).vocab_size)
    expected = np.concatenate(read(engine_of(model_of(checkpoint)), documents))
    half = engine_of(load_rwkv7(str(checkpoint), CPU, dtype))
    found = np.concatenate(read(half, documents))
    assert abs(found.mean() - expected.mean()) < HALF_TOLERANCE


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_scores_on_cuda_stay_close_to_the_cpu(checkpoint: Path, dtype: torch.dtype) -> None:
    from longriver.engine.config import EngineConfig
    from longriver.engine.engine import Engine
    from longriver.engine.settings import resolve
    from longriver.engine.tokenizer.bytes import ByteTokenizer

    name = str(dtype).removeprefix("torch.")
    settings = resolve(EngineConfig.model_validate({"device": "cuda", "dtype": name}))
    on_gpu = Engine(load_rwkv7(str(checkpoint), settings.device, dtype), ByteTokenizer(), settings)
    documents = random_documents(on_gpu.model.vocab_size)
    expected = np.concatenate(read(engine_of(model_of(checkpoint)), documents))
    found = np.concatenate(read(on_gpu, documents))
    assert abs(found.mean() - expected.mean()) < (1e-4 if dtype == torch.float32 else 3e-2)

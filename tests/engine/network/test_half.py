"""Matrices that stay in a file's half precision: the same bits, and no second copy in memory."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.errors import WeightsError
from longriver.engine.network import Network
from longriver.engine.network.load import load_network, network_from
from longriver.engine.network.paging import is_file
from longriver.engine.version import Version
from longriver.engine.weights import read_tensors
from tests.checkpoints import random_rwkv, saved
from tests.engine.reading import engine_of, read
from tests.engine.weights.conversions import fla_config, fla_form, write_folder

DOCUMENTS = [list(b"What is half is widened as it is read."), [65], list(bytes(range(256)))]
CPU = torch.device("cpu")
HALVES = [torch.bfloat16, torch.float16]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/maps")


@cache
def tensors(version: Version, dtype: torch.dtype) -> dict[str, Tensor]:
    """Wide enough that any library of products takes the larger matrices."""
    whole = random_rwkv(version, num_heads=4, vocab_size=3000)
    return {key: x.to(dtype) for key, x in whole.items()}


@cache
def network(version: Version, dtype: torch.dtype, kept_from: int) -> Network:
    model = ModelConfig(path="model.pth")
    whole = tensors(version, dtype)
    return network_from(model, whole, CPU, torch.float32, kept_from=kept_from)


def matrices(found: Network) -> list[Tensor]:
    return [x for x in (*found.matrices, found.head) if isinstance(x, Tensor)]


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("dtype", HALVES)
def test_every_version_reads_the_same_bits(version: Version, dtype: torch.dtype) -> None:
    wide, kept = (network(version, dtype, kept_from) for kept_from in (1 << 40, 0))
    assert all(x.dtype == torch.float32 for x in matrices(wide))
    num_wide = sum(x.dtype != dtype for x in matrices(kept))
    assert num_wide == (10 if version == Version.V6 else 0)  # the five ups of a layer's mixes
    found = [read(engine_of(x), DOCUMENTS) for x in (wide, kept)]
    for expected, nll in zip(*found, strict=True):
        assert np.array_equal(nll, expected)


@given(st.integers(1, 40), st.integers(1, 3), st.lists(st.integers(0, 40)))
@settings(max_examples=15, deadline=None)
def test_a_document_does_not_feel_its_neighbours(
    budget: int, num_slots: int, cuts: list[int]
) -> None:
    kept = network(Version.V7, torch.bfloat16, 0)
    together = read(engine_of(kept, num_slots=num_slots, tokens_per_step=budget), DOCUMENTS, cuts)
    for ids, nll in zip(DOCUMENTS, together, strict=True):
        [alone] = read(engine_of(kept, num_slots=1, tokens_per_step=512), [ids])
        assert np.array_equal(nll, alone)


def test_numbers_that_are_not_finite_are_found_where_they_lie() -> None:
    whole = dict(tensors(Version.V7, torch.bfloat16))
    whole["blocks.1.ffn.value.weight"] = whole["blocks.1.ffn.value.weight"].clone()
    whole["blocks.1.ffn.value.weight"][3, 3] = torch.nan
    with pytest.raises(WeightsError, match=r"blocks\.1\.ffn\.value\.weight holds NaN"):
        network_from(ModelConfig(path="model.pth"), whole, CPU, torch.float32, kept_from=0)


@on_linux
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_matrices_of_a_large_checkpoint_are_those_of_its_file(suffix: str, tmp_path: Path) -> None:
    whole = random_rwkv(Version.V7, num_heads=2, vocab_size=65536)
    path = saved({key: x.bfloat16() for key, x in whole.items()}, tmp_path / f"model.{suffix}")
    found = load_network(ModelConfig(path=str(path)), CPU, torch.float32)
    assert all(is_file(x) and x.dtype == torch.bfloat16 for x in matrices(found))


@on_linux
def test_matrices_of_a_hugging_face_folder_are_those_of_its_file(tmp_path: Path) -> None:
    whole = tensors(Version.V7, torch.bfloat16)
    path = write_folder(tmp_path / "fla", fla_form(whole), fla_config(whole))
    model = ModelConfig(path=str(path))
    kept, expected = (
        network_from(model, read_tensors(model), CPU, torch.float32, kept_from=kept_from)
        for kept_from in (0, 1 << 40)
    )
    assert all(is_file(x) and x.dtype == torch.bfloat16 for x in matrices(kept))
    found = [read(engine_of(x), DOCUMENTS) for x in (expected, kept)]
    for exact, nll in zip(*found, strict=True):
        assert np.allclose(nll, exact, atol=1e-5)  # some lie the other way round


def test_what_a_cache_holds_is_widened_once(tmp_path: Path) -> None:
    path = saved(tensors(Version.V7, torch.bfloat16), tmp_path / "model.safetensors")
    model = ModelConfig(path=str(path))
    found = network_from(model, read_tensors(model), CPU, torch.float32)
    assert all(x.dtype == torch.float32 for x in matrices(found))

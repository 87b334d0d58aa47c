"""Weights as whole numbers: near the exact network, and as indifferent to neighbours and chunks."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longriver.engine import Engine, EngineConfig
from longriver.engine.errors import DeviceError
from longriver.engine.network import Network
from longriver.engine.settings import resolve
from longriver.engine.version import Version
from tests.checkpoints import network_of, random_rwkv
from tests.engine.reading import engine_of, read

DOCUMENTS = [
    list(b"The whole is told in whole numbers."),
    [65],
    list(b"And another one beside it."),
]


@cache
def network(version: Version, dtype: torch.dtype) -> Network:
    return network_of(random_rwkv(version, num_heads=2, head_size=16), dtype=dtype)


@pytest.mark.parametrize("version", list(Version))
def test_every_version_reads_almost_as_in_float32(version: Version) -> None:
    exact, rounded = (
        np.concatenate(read(engine_of(network(version, dtype)), DOCUMENTS))
        for dtype in (torch.float32, torch.int8)
    )
    assert 0 < np.abs(rounded - exact).mean() < 0.1


@settings(max_examples=15)
@given(budget=st.integers(1, 40), num_slots=st.integers(1, 3), cuts=st.lists(st.integers(0, 40)))
def test_a_document_does_not_feel_its_neighbours(
    budget: int, num_slots: int, cuts: list[int]
) -> None:
    whole = network(Version.V7, torch.int8)
    together = read(engine_of(whole, num_slots=num_slots, tokens_per_step=budget), DOCUMENTS, cuts)
    for ids, found in zip(DOCUMENTS, together, strict=True):
        [alone] = read(engine_of(whole, num_slots=1, tokens_per_step=64), [ids])
        assert np.array_equal(found, alone)


def test_the_demo_model_loses_what_is_stated() -> None:
    text = "It was a bright cold day in April, and the clocks were striking thirteen. " * 20
    exact, rounded = (
        Engine.from_config(engine=EngineConfig(device="cpu", dtype=dtype)).score([text])[0]
        for dtype in ("float32", "int8")
    )
    assert exact.bits_per_byte and rounded.bits_per_byte
    assert 0 < abs(rounded.bits_per_byte / exact.bits_per_byte - 1) < 0.01


def test_it_is_for_cpus() -> None:
    with pytest.raises(DeviceError, match=r"engine\.dtype=int8 on a GPU"):
        resolve(EngineConfig(device="cuda", dtype="int8"), has_cuda=True)

"""Run by ``test_triton.py`` like ``triton_interpreted.py``: whole steps, as CUDA would take them.

While Triton interprets, ``dispatch`` gives CPUs what it gives CUDA.
"""

import numpy as np
import pytest
import torch

from longriver.engine.reference import Reference
from longriver.engine.version import Version
from longriver.kernels import dispatch
from tests.checkpoints import network_of, random_rwkv
from tests.engine.reading import engine_of, read
from tests.kernels.step_cost import cost_of_a_layer, cost_of_a_step, step

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton.runtime.interpreter")

WIDTH = 64
MOST = {
    Version.V4: (23, 7, 120),
    Version.V5_2: (22, 8, 106),
    Version.V6: (59, 16, 212),
    Version.V7: (28, 14, 140),
}
"""Launches for a layer, weight products among them, and bytes for a channel of a token."""

HEAD = 3
"""Launches of the head: a buffer cleared, sums of splits, and what is made of them."""


@pytest.mark.parametrize("version", MOST, ids=str)
def test_a_layer_launches_and_moves_no_more_than_recorded(version: Version) -> None:
    launches, products, moved = MOST[version]
    cost = cost_of_a_layer(version)
    assert cost.num_products == products
    assert cost.num_launches <= launches, cost
    assert cost.bytes_per_channel(WIDTH) <= moved, cost


def test_the_head_launches_the_same_whatever_the_vocabulary() -> None:
    _, cost = cost_of_a_step(step(Version.V7, 1))
    assert cost.num_launches == HEAD, cost


@pytest.mark.parametrize("version", Version, ids=str)
def test_documents_in_parts_side_by_side_score_as_in_float64(version: Version) -> None:
    tensors = random_rwkv(version, num_layers=2, num_heads=2, head_size=32, vocab_size=70)
    documents = [[3], [5, 69, 0, 7, 7], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    engine = engine_of(network_of(tensors), tokens_per_step=7, num_slots=2)
    assert dispatch.wkv7("cpu", torch.float32).__module__.endswith("triton_recurrent")
    for ids, found in zip(documents, read(engine, documents), strict=True):
        assert np.abs(found - Reference(tensors).nll(ids)).max() < 1e-4

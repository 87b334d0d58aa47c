"""What a checkpoint is, by its keys and shapes alone, and what is said of other networks."""

import pytest
import torch
from torch import Tensor

from longriver.engine.errors import WeightsError
from longriver.engine.version import Version, version_of
from tests.checkpoints import random_rwkv

TINY = {"num_heads": 2, "head_size": 8, "vocab_size": 16, "num_layers": 1}


@pytest.mark.parametrize("version", list(Version))
def test_every_version_is_told(version: Version) -> None:
    assert version_of("x.pth", random_rwkv(version, **TINY)) == version


def test_the_decay_tells_5_1_from_5_2_however_it_is_shaped() -> None:
    tensors = random_rwkv(Version.V5_1, **TINY)
    tensors["blocks.0.att.time_decay"] = torch.zeros(2, 1)
    assert version_of("x.pth", tensors) == Version.V5_1
    tensors["blocks.0.att.time_decay"] = torch.zeros(2, 8)
    assert version_of("x.pth", tensors) == Version.V5_2


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("blocks.0.ffn.s_emb.weight", "is RWKV-7a (DeepEmbed)"),
        ("blocks.0.qkv.weight", "is RWKV-7b (with attention)"),
        ("qkv.0.weight", "is RWKV-7b (with attention)"),
        ("blocks.0.ffn.enn.weight", "is an RWKV-8 preview"),
        ("blocks.0.att.tiny_ln.weight", "is RWKV-4a (with tiny attention)"),
        ("_strategy", "was converted by the `rwkv` package"),
    ],
)
def test_other_networks_are_said_to_be_what_they_are(key: str, words: str) -> None:
    tensors: dict[str, Tensor] = random_rwkv(Version.V7, **TINY) | {key: torch.zeros(4)}
    with pytest.raises(WeightsError) as caught:
        version_of("x.pth", tensors)
    message = str(caught.value)
    assert f"model.path=x.pth {words}" in message and "\n" not in message


@pytest.mark.parametrize("keys", [(), ("transformer.wte.weight",), ("emb.weight", "head.weight")])
def test_what_is_no_rwkv_is_said_to_be_none(keys: tuple[str, ...]) -> None:
    with pytest.raises(WeightsError, match="is not an RWKV checkpoint"):
        version_of("x.pth", {key: torch.zeros(1) for key in keys})

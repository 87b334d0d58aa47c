"""Orders of models for tests, and what is said of bad ones."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from longriver.engine.config import ModelConfig
from longriver.engine.errors import OrderError
from longriver.engine.version import Version
from longriver.engine.weights import read_tensors
from tests.checkpoints import random_rwkv

EPS = 8e-5
"""What fla reads the heads of 8 with that ``tiny`` has; a checkpoint in its form must be told."""


def order(path: Path | str, **model: object) -> ModelConfig:
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in model.items()}
    return ModelConfig.model_validate({"path": str(path), **settings})


def read(path: Path | str, **model: object) -> dict[str, Tensor]:
    return read_tensors(order(path, **{"group_norm_eps": EPS, **model}))


def refusal(path: Path | str, **model: object) -> str:
    with pytest.raises(OrderError) as caught:
        read(path, **model)
    return one_line(caught.value)


def one_line(error: OrderError) -> str:
    message = str(error)
    assert message.isprintable() and len(message) < 700 and message.startswith("model.")
    return message


def tiny(version: Version = Version.V7, **sizes: int) -> dict[str, Tensor]:
    return random_rwkv(version, **{"num_heads": 2, "head_size": 8, "vocab_size": 40, **sizes})


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether both have the same keys, shapes, number types and bits."""
    return found.keys() == expected.keys() and all(
        found[key].dtype == x.dtype and torch.equal(found[key], x) for key, x in expected.items()
    )

"""Random checkpoints of the sizes that are measured, stored in bfloat16 as released ones are."""

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longriver.engine.version import Version
from tests.checkpoints import random_rwkv, random_rwkv7, saved

V6_MIX_RANK, V6_DECAY_RANK = 32, 64
"""Of released RWKV-6 models of such a width; those of ``random_rwkv`` are smaller."""


@dataclass(frozen=True, slots=True)
class Size:
    """``ranks`` are those of RWKV-7's w, a, v and g."""

    name: str
    num_layers: int
    num_heads: int
    vocab_size: int
    ranks: tuple[int, int, int, int]
    head_size: int = 64

    @property
    def width(self) -> int:
        return self.num_heads * self.head_size


SIZES = {
    size.name: size
    for size in (
        Size("0.1B", 12, 12, 65536, (64, 64, 32, 128)),
        Size("tiny", 2, 1, 256, (8, 8, 8, 8)),
    )
}


def checkpoint(version: Version, size: Size, folder: Path) -> Path:
    """Writes a random checkpoint."""
    tensors = {key: x.bfloat16() for key, x in _tensors(version, size).items()}
    return saved(tensors, folder / f"{size.name}-{version}.pth")


def _tensors(version: Version, size: Size) -> dict[str, Tensor]:
    make = functools.partial(random_rwkv, version)
    if version == Version.V7:
        make = functools.partial(random_rwkv7, ranks=size.ranks)
    tensors = make(
        num_layers=size.num_layers,
        num_heads=size.num_heads,
        head_size=size.head_size,
        vocab_size=size.vocab_size,
    )
    if version == Version.V6:
        for layer in range(size.num_layers):
            tensors |= _low_rank6(f"blocks.{layer}.att", size.width)
    return tensors


def _low_rank6(att: str, width: int) -> dict[str, Tensor]:
    return {
        f"{att}.time_maa_w1": torch.randn(width, 5 * V6_MIX_RANK) * width**-0.5,
        f"{att}.time_maa_w2": torch.randn(5, V6_MIX_RANK, width) * V6_MIX_RANK**-0.5,
        f"{att}.time_decay_w1": torch.randn(width, V6_DECAY_RANK) * width**-0.5,
        f"{att}.time_decay_w2": torch.randn(V6_DECAY_RANK, width) * V6_DECAY_RANK**-0.5,
    }

"""A checkpoint's tensors in float64, and the few functions that all papers share."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

Array = npt.NDArray[np.float64]
HEAD_EPS = 64e-5


@dataclass(frozen=True)
class Weights:
    """What a file holds, under BlinkDL's names; vectors are flat, whatever their shape there."""

    tensors: Mapping[str, Tensor]

    def __call__(self, key: str) -> Array:
        found: Array = self.tensors[key].double().numpy()
        return found.reshape(-1) if found.shape[:2] == (1, 1) else found

    def __contains__(self, key: str) -> bool:
        return key in self.tensors

    def below(self, prefix: str) -> "Weights":
        """The tensors whose names begin with ``prefix.``, without it."""
        start = f"{prefix}."
        inner = {k.removeprefix(start): x for k, x in self.tensors.items() if k.startswith(start)}
        return Weights(inner)


@dataclass(frozen=True, slots=True)
class Memory:
    """One layer's memory: two shifted inputs [D], and what its time mix holds."""

    att_shift: Array
    ffn_shift: Array
    S: Array


def sigmoid(x: Array) -> Array:
    out: Array = 1 / (1 + np.exp(-x))
    return out


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def layer_norm(x: Array, w: Weights) -> Array:
    out: Array = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * w("weight") + w("bias")
    return out


def head_norm(y_HN: Array, w: Weights, eps: float) -> Array:
    """GroupNorm over heads; returns [D]."""
    centred = y_HN - y_HN.mean(1, keepdims=True)
    normed = centred / np.sqrt(y_HN.var(1, keepdims=True) + eps)
    out: Array = normed.reshape(-1) * w("weight") + w("bias")
    return out

"""Normed and gated heads for CPUs: everything of a row in one pass."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.head_gate.bonus import Bonus

Floats = npt.NDArray[np.float32]

ONE = np.float32(1)


def head_gate(
    y_RHN: Tensor,
    gate_RD: Tensor,
    weight_D: Tensor,
    bias_D: Tensor,
    *,
    eps: float,
    bonus: Bonus | None = None,
) -> Tensor:
    """See ``longriver.kernels.head_gate.reference.head_gate``; float32 on CPU, contiguous."""
    out_RD = torch.empty_like(gate_RD)
    # with one thread not even a pool: its idle threads would spin
    is_alone = torch.get_num_threads() == 1
    heads = (weight_D.view(y_RHN.shape[1:]), bias_D.view(y_RHN.shape[1:]))
    tensors = (y_RHN, gate_RD.view(y_RHN.shape), *heads, out_RD.view(y_RHN.shape))
    arrays = [x.numpy() for x in tensors]
    if bonus is None:
        (_plain_serial if is_alone else _plain_parallel)(np.float32(eps), *arrays)
    else:
        arrays += [x.numpy() for x in bonus]
        (_bonus_serial if is_alone else _bonus_parallel)(np.float32(eps), *arrays)
    return out_RD


# the order of these sums is the compiler's, but the same for every head


@numba.njit(cache=True, fastmath={"contract", "reassoc"}, nogil=True)
def _sum(y: Floats) -> np.float32:
    total = np.float32(0)
    for c in range(len(y)):
        total += y[c]
    return total


@numba.njit(cache=True, fastmath={"contract", "reassoc"}, nogil=True)
def _spread(y: Floats, mean: np.float32) -> np.float32:
    total = np.float32(0)
    for c in range(len(y)):
        total += (y[c] - mean) * (y[c] - mean)
    return total


@numba.njit(cache=True, fastmath={"contract", "reassoc"}, nogil=True)
def _product(r: Floats, k: Floats, weight: Floats) -> np.float32:
    total = np.float32(0)
    for c in range(len(r)):
        total += r[c] * k[c] * weight[c]
    return total


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy", nogil=True)
def _moments(y: Floats, eps: np.float32) -> tuple[np.float32, np.float32]:
    size = np.float32(len(y))
    mean = _sum(y) / size
    return mean, ONE / np.sqrt(_spread(y, mean) / size + eps)


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _plain(
    t: int, eps: np.float32, y: Floats, gate: Floats, weight: Floats, bias: Floats, out: Floats
) -> None:
    for h in range(y.shape[1]):
        mean, scale = _moments(y[t, h], eps)
        for c in range(y.shape[2]):
            normed = (y[t, h, c] - mean) * scale
            out[t, h, c] = (normed * weight[h, c] + bias[h, c]) * gate[t, h, c]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _bonus(
    t: int,
    eps: np.float32,
    y: Floats,
    gate: Floats,
    weight: Floats,
    bias: Floats,
    out: Floats,
    r: Floats,
    k: Floats,
    v: Floats,
    bonus: Floats,
) -> None:
    for h in range(y.shape[1]):
        mean, scale = _moments(y[t, h], eps)
        own = _product(r[t, h], k[t, h], bonus[h])
        for c in range(y.shape[2]):
            normed = (y[t, h, c] - mean) * scale
            out[t, h, c] = (normed * weight[h, c] + bias[h, c] + own * v[t, h, c]) * gate[t, h, c]


# pairs of functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _plain_serial(eps: np.float32, y: Floats, *arrays: Any) -> None:
    for t in range(len(y)):
        _plain(t, eps, y, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _plain_parallel(eps: np.float32, y: Floats, *arrays: Any) -> None:
    for t in numba.prange(len(y)):
        _plain(t, eps, y, *arrays)


@numba.njit(cache=True, nogil=True)
def _bonus_serial(eps: np.float32, y: Floats, *arrays: Any) -> None:
    for t in range(len(y)):
        _bonus(t, eps, y, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _bonus_parallel(eps: np.float32, y: Floats, *arrays: Any) -> None:
    for t in numba.prange(len(y)):
        _bonus(t, eps, y, *arrays)

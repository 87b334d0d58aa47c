"""WKV-7's inputs for CPUs: everything of a row in one pass, in the memory of what goes in."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.exp_cpu import sigmoid
from longriver.kernels.wkv7_inputs import reference
from longriver.kernels.wkv7_inputs.parts import Inputs, Residual, Weights

Floats = npt.NDArray[np.float32]

DECAY_SCALE = np.float32(reference.DECAY_SCALE)
SMALLEST_NORM = np.float32(reference.SMALLEST_NORM)
ONE = np.float32(1)


def wkv7_inputs(
    k_RD: Tensor,
    v_RD: Tensor,
    decay_RD: Tensor,
    rate_RD: Tensor,
    weights: Weights,
    *,
    heads: tuple[int, int],
    residual: Residual | None = None,
) -> Inputs:
    """See ``longriver.kernels.wkv7_inputs.reference.wkv7_inputs``; float32 on CPU, contiguous."""
    a_RD = torch.empty_like(k_RD)
    # with one thread not even a pool: its idle threads would spin
    is_alone = torch.get_num_threads() == 1
    arrays = [x.numpy() for x in (k_RD, decay_RD, rate_RD, a_RD, *weights)]
    (_rows_serial if is_alone else _rows_parallel)(heads[1], *arrays)
    if residual is not None:
        values = [x.numpy() for x in (v_RD, *residual)]
        (_values_serial if is_alone else _values_parallel)(*values)
    return Inputs(*(x.view(-1, *heads) for x in (decay_RD, k_RD, v_RD, a_RD, rate_RD)))


@numba.njit(cache=True, fastmath={"contract", "reassoc"}, nogil=True)
def _sum_of_squares(k: Floats, scale: Floats) -> np.float32:
    # the order of the sum is the compiler's, but the same for every row
    total = np.float32(0)
    for c in range(len(k)):
        total += (k[c] * scale[c]) * (k[c] * scale[c])
    return total


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy", nogil=True)
def _head(k: Floats, rate: Floats, a: Floats, removal_scale: Floats, rate_scale: Floats) -> None:
    norm = np.sqrt(_sum_of_squares(k, removal_scale))
    inverse = ONE / (SMALLEST_NORM if norm < SMALLEST_NORM else norm)
    for c in range(len(k)):
        removal = k[c] * removal_scale[c] * inverse
        share = sigmoid(rate[c])
        k[c] = k[c] * (ONE - rate_scale[c] + share * rate_scale[c])
        rate[c] = removal * share
        a[c] = -removal


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _row(
    t: int,
    size: int,
    k: Floats,
    decay: Floats,
    rate: Floats,
    a: Floats,
    decay_bias: Floats,
    removal_scale: Floats,
    rate_scale: Floats,
) -> None:
    width = k.shape[1]
    for c in range(width):
        decay[t, c] = DECAY_SCALE * sigmoid(decay[t, c] + decay_bias[c])
    for first in range(0, width, size):
        last = first + size
        scales = removal_scale[first:last], rate_scale[first:last]
        _head(k[t, first:last], rate[t, first:last], a[t, first:last], *scales)


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _value(t: int, v: Floats, first: Floats, share: Floats) -> None:
    for c in range(v.shape[1]):
        v[t, c] = v[t, c] + (first[t, c] - v[t, c]) * sigmoid(share[t, c])


# pairs of functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _rows_serial(size: int, k: Floats, *arrays: Any) -> None:
    for t in range(len(k)):
        _row(t, size, k, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _rows_parallel(size: int, k: Floats, *arrays: Any) -> None:
    for t in numba.prange(len(k)):
        _row(t, size, k, *arrays)


@numba.njit(cache=True, nogil=True)
def _values_serial(v: Floats, first: Floats, share: Floats) -> None:
    for t in range(len(v)):
        _value(t, v, first, share)


@numba.njit(cache=True, parallel=True, nogil=True)
def _values_parallel(v: Floats, first: Floats, share: Floats) -> None:
    for t in numba.prange(len(v)):
        _value(t, v, first, share)

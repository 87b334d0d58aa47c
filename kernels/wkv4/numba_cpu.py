"""WKV-4 for CPUs: two exponentials a token, the same bits in any batch and for any split."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BLOCK = 64
"""Channels that one thread takes through a segment: a few cache lines of each row."""

ONE = np.float32(1)


def wkv4(
    k_RD: Tensor,
    v_RD: Tensor,
    *,
    decay_D: Tensor,
    bonus_D: Tensor,
    state_S3D: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """See ``longriver.kernels.wkv4.reference.wkv4``; float32 on CPU, contiguous."""
    y_RD = torch.zeros_like(k_RD)
    # with one thread not even a pool: its idle threads would spin
    scan = _scan_serial if torch.get_num_threads() == 1 else _scan_parallel
    scan(
        len(slots) * -(-k_RD.shape[1] // BLOCK),
        k_RD.numpy(),
        v_RD.numpy(),
        decay_D.numpy(),
        bonus_D.numpy(),
        state_S3D.numpy(),
        cu_seqlens.numpy(),
        slots.numpy(),
        y_RD.numpy(),
    )
    return y_RD


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _weights(past: np.float32, now: np.float32) -> tuple[np.float32, np.float32]:
    # relative to the greater of the two, whose own weight is exp(0)
    of_lesser = np.exp(-abs(past - now))
    return (ONE, of_lesser) if past >= now else (of_lesser, ONE)


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_block(
    k: Floats,
    v: Floats,
    decay: Floats,
    bonus: Floats,
    state: Floats,
    begin: int,
    end: int,
    first: int,
    last: int,
    y: Floats,
) -> None:
    for t in range(begin, end):
        for c in range(first, last):
            key, value, aa, bb = k[t, c], v[t, c], state[0, c], state[1, c]
            e1, e2 = _weights(state[2, c], bonus[c] + key)
            y[t, c] = (e1 * aa + e2 * value) / (e1 * bb + e2)
            left = state[2, c] + decay[c]
            e1, e2 = _weights(left, key)
            state[0, c] = e1 * aa + e2 * value
            state[1, c] = e1 * bb + e2
            state[2, c] = left if left >= key else key


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_task(
    i: int,
    k: Floats,
    v: Floats,
    decay: Floats,
    bonus: Floats,
    state: Floats,
    cu_seqlens: Ints,
    slots: Ints,
    y: Floats,
) -> None:
    width = k.shape[1]
    num_blocks = (width + BLOCK - 1) // BLOCK
    segment, first = i // num_blocks, i % num_blocks * BLOCK
    last = min(first + BLOCK, width)
    begin, end = cu_seqlens[segment], cu_seqlens[segment + 1]
    _scan_block(k, v, decay, bonus, state[slots[segment]], begin, end, first, last, y)


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _scan_serial(num_tasks: int, *arrays: Any) -> None:
    for i in range(num_tasks):
        _scan_task(i, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _scan_parallel(num_tasks: int, *arrays: Any) -> None:
    for i in numba.prange(num_tasks):
        _scan_task(i, *arrays)

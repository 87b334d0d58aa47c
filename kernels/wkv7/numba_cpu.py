"""WKV-7 for CPUs: one pass over the state a token, the same bits in any batch and for any split."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def wkv7(
    r_RHN: Tensor,
    w_log_RHN: Tensor,
    k_RHN: Tensor,
    v_RHN: Tensor,
    a_RHN: Tensor,
    b_RHN: Tensor,
    *,
    state_SHKV: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """See ``longriver.kernels.wkv7.reference.wkv7``; float32 on CPU, contiguous."""
    y_RHN = torch.zeros_like(r_RHN)
    # with one thread not even a pool: its idle threads would spin
    scan = _scan_serial if torch.get_num_threads() == 1 else _scan_parallel
    scan(
        len(slots) * r_RHN.shape[1],
        r_RHN.numpy(),
        w_log_RHN.exp().numpy(),
        k_RHN.numpy(),
        v_RHN.numpy(),
        a_RHN.numpy(),
        b_RHN.numpy(),
        state_SHKV.numpy(),
        cu_seqlens.numpy(),
        slots.numpy(),
        y_RHN.numpy(),
    )
    return y_RHN


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_head(
    r: Floats,
    w: Floats,
    k: Floats,
    v: Floats,
    a: Floats,
    b: Floats,
    S: Floats,
    h: int,
    begin: int,
    end: int,
    y: Floats,
) -> None:
    # while a token updates a row of S, the row is at hand for the next token's removal sum
    size = S.shape[0]
    removed = np.zeros(size, np.float32)
    upcoming = np.zeros(size, np.float32)
    output = np.zeros(size, np.float32)
    for i in range(size):
        for j in range(size):
            removed[j] += a[begin, h, i] * S[i, j]
    for t in range(begin, end):
        following = min(t + 1, end - 1)
        output[:] = 0
        upcoming[:] = 0
        for i in range(size):
            decay, key, weight = w[t, h, i], k[t, h, i], b[t, h, i]
            query, removal = r[t, h, i], a[following, h, i]
            for j in range(size):
                new = decay * S[i, j] + weight * removed[j] + key * v[t, h, j]
                S[i, j] = new
                output[j] += query * new
                upcoming[j] += removal * new
        y[t, h, :] = output
        removed, upcoming = upcoming, removed


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_task(
    i: int,
    r: Floats,
    w: Floats,
    k: Floats,
    v: Floats,
    a: Floats,
    b: Floats,
    state: Floats,
    cu_seqlens: Ints,
    slots: Ints,
    y: Floats,
) -> None:
    num_heads = r.shape[1]
    segment, h = i // num_heads, i % num_heads
    begin, end = cu_seqlens[segment], cu_seqlens[segment + 1]
    if begin < end:
        _scan_head(r, w, k, v, a, b, state[slots[segment], h], h, begin, end, y)


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _scan_serial(num_tasks: int, *arrays: Any) -> None:
    for i in range(num_tasks):
        _scan_task(i, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _scan_parallel(num_tasks: int, *arrays: Any) -> None:
    for i in numba.prange(num_tasks):
        _scan_task(i, *arrays)

"""WKV-6 for CPUs: one pass over the state a token, the same bits in any batch and for any split."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def wkv6(
    r_RHN: Tensor,
    w_log_RHN: Tensor,
    k_RHN: Tensor,
    v_RHN: Tensor,
    bonus_HN: Tensor,
    *,
    state_SHKV: Tensor,
    cu_seqlens: Tensor,
    slots: Tensor,
) -> Tensor:
    """See ``longriver.kernels.wkv6.reference.wkv6``; float32 on CPU, contiguous but for w_log."""
    y_RHN = torch.zeros_like(r_RHN)
    # a decay that is one row, expanded, stays one row
    w_log = w_log_RHN[:1] if w_log_RHN.stride(0) == 0 else w_log_RHN
    # with one thread not even a pool: its idle threads would spin
    scan = _scan_serial if torch.get_num_threads() == 1 else _scan_parallel
    scan(
        len(slots) * r_RHN.shape[1],
        r_RHN.numpy(),
        w_log.exp().contiguous().numpy(),
        k_RHN.numpy(),
        v_RHN.numpy(),
        bonus_HN.numpy(),
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
    bonus: Floats,
    S: Floats,
    h: int,
    begin: int,
    end: int,
    y: Floats,
) -> None:
    size = S.shape[0]
    output = np.zeros(size, np.float32)
    for t in range(begin, end):
        decays = w[min(t, len(w) - 1), h]
        output[:] = 0
        own = np.float32(0)
        for i in range(size):
            query, decay, key = r[t, h, i], decays[i], k[t, h, i]
            own += query * bonus[h, i] * key
            for j in range(size):
                output[j] += query * S[i, j]
                S[i, j] = decay * S[i, j] + key * v[t, h, j]
        for j in range(size):
            y[t, h, j] = output[j] + own * v[t, h, j]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_task(
    i: int,
    r: Floats,
    w: Floats,
    k: Floats,
    v: Floats,
    bonus: Floats,
    state: Floats,
    cu_seqlens: Ints,
    slots: Ints,
    y: Floats,
) -> None:
    num_heads = r.shape[1]
    segment, h = i // num_heads, i % num_heads
    begin, end = cu_seqlens[segment], cu_seqlens[segment + 1]
    _scan_head(r, w, k, v, bonus, state[slots[segment], h], h, begin, end, y)


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _scan_serial(num_tasks: int, *arrays: Any) -> None:
    for i in range(num_tasks):
        _scan_task(i, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _scan_parallel(num_tasks: int, *arrays: Any) -> None:
    for i in numba.prange(num_tasks):
        _scan_task(i, *arrays)

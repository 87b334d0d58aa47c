"""WKV-7 for CPUs: one pass over the state a token, the same bits in any batch and for any split."""

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


def _scan(
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
    for i in numba.prange(len(slots) * num_heads):
        segment, h = i // num_heads, i % num_heads
        begin, end = cu_seqlens[segment], cu_seqlens[segment + 1]
        if begin < end:
            _scan_head(r, w, k, v, a, b, state[slots[segment], h], h, begin, end, y)


_scan_serial = numba.njit(cache=True, fastmath={"contract"}, nogil=True)(_scan)
_scan_parallel = numba.njit(cache=True, parallel=True, fastmath={"contract"}, nogil=True)(_scan)

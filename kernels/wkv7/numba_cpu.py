"""WKV-7 for CPUs: one pass over the state a token, the same bits in any batch and for any split."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.exp_cpu import exp

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

COLUMNS = 64
"""Columns of a head's state that are taken together, a number that LLVM knows."""
REMOVED, UPCOMING, OUTPUT, VALUE, STATE = (COLUMNS * i for i in range(5))
"""Where one piece of memory holds what: arrays of their own might overlap, for all LLVM knows."""
DECAY, KEY, WEIGHT, QUERY, REMOVAL = range(5)
"""What a token brings for every row of the state; rows are taken in pairs, the last may be none."""
MOST_ROWS = 1 << 20
"""So that LLVM knows the range of a row's number; no head is as large."""


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
    r_RHN = r_RHN.float()  # as the other inputs are, whatever the network's own type
    y_RHN = torch.empty_like(r_RHN)
    y_RHN[int(cu_seqlens[-1]) :] = 0
    # with one thread not even a pool: its idle threads would spin
    scan = _scan_serial if torch.get_num_threads() == 1 else _scan_parallel
    scan(
        len(slots) * r_RHN.shape[1],
        r_RHN.numpy(),
        w_log_RHN.numpy(),
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
def _begin(S: Floats, a: Floats, memory: Floats) -> None:
    for i in range(len(S)):
        begins = STATE + i * COLUMNS
        memory[begins : begins + S.shape[1]] = S[i]
        for j in range(COLUMNS):
            memory[UPCOMING + j] += a[i] * memory[begins + j]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _bring(
    rows: Floats,
    t: int,
    following: int,
    h: int,
    w_log: Floats,
    k: Floats,
    b: Floats,
    r: Floats,
    a: Floats,
) -> None:
    for i in range(k.shape[2]):
        rows[DECAY, i] = exp(w_log[t, h, i])
        rows[KEY, i] = k[t, h, i]
        rows[WEIGHT, i] = b[t, h, i]
        rows[QUERY, i] = r[t, h, i]
        rows[REMOVAL, i] = a[following, h, i]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _step(memory: Floats, rows: Floats) -> None:
    # while rows of S are updated they are at hand for the next token's removal sum
    for j in range(COLUMNS):
        memory[REMOVED + j] = memory[UPCOMING + j]
        memory[UPCOMING + j] = 0
        memory[OUTPUT + j] = 0
    for i in range(0, MOST_ROWS, 2):
        if i >= rows.shape[1]:
            break
        w0, k0, b0 = rows[DECAY, i], rows[KEY, i], rows[WEIGHT, i]
        w1, k1, b1 = rows[DECAY, i + 1], rows[KEY, i + 1], rows[WEIGHT, i + 1]
        r0, a0 = rows[QUERY, i], rows[REMOVAL, i]
        r1, a1 = rows[QUERY, i + 1], rows[REMOVAL, i + 1]
        here, below = STATE + i * COLUMNS, STATE + (i + 1) * COLUMNS
        for j in range(COLUMNS):
            removed, value = memory[REMOVED + j], memory[VALUE + j]
            x = w0 * memory[here + j] + b0 * removed + k0 * value
            z = w1 * memory[below + j] + b1 * removed + k1 * value
            memory[here + j], memory[below + j] = x, z
            # row after row, as in _begin, or a split would change bits
            memory[OUTPUT + j] = (memory[OUTPUT + j] + r0 * x) + r1 * z
            memory[UPCOMING + j] = (memory[UPCOMING + j] + a0 * x) + a1 * z


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_columns(
    r: Floats,
    w_log: Floats,
    k: Floats,
    v: Floats,
    a: Floats,
    b: Floats,
    S: Floats,
    h: int,
    first: int,
    begin: int,
    end: int,
    y: Floats,
) -> None:
    size = S.shape[0]
    columns = min(COLUMNS, size - first)
    rows = np.zeros((5, size + size % 2), np.float32)
    memory = np.zeros(STATE + rows.shape[1] * COLUMNS, np.float32)
    _begin(S[:, first : first + columns], a[begin, h], memory)
    for t in range(begin, end):
        _bring(rows, t, min(t + 1, end - 1), h, w_log, k, b, r, a)
        for j in range(columns):
            memory[VALUE + j] = v[t, h, first + j]
        _step(memory, rows)
        for j in range(columns):
            y[t, h, first + j] = memory[OUTPUT + j]
    for i in range(size):
        for j in range(columns):
            S[i, first + j] = memory[STATE + i * COLUMNS + j]


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _scan_task(
    i: int,
    r: Floats,
    w_log: Floats,
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
        S = state[slots[segment], h]
        for first in range(0, len(S), COLUMNS):
            _scan_columns(r, w_log, k, v, a, b, S, h, first, begin, end, y)


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _scan_serial(num_tasks: int, *arrays: Any) -> None:
    for i in range(num_tasks):
        _scan_task(i, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _scan_parallel(num_tasks: int, *arrays: Any) -> None:
    for i in numba.prange(num_tasks):
        _scan_task(i, *arrays)

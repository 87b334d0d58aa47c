"""WKV-4 for CPUs: two exponentials a token, the same bits in any batch and for any split."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.exp_cpu import exp

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BLOCK = 64
"""Channels that one thread takes through a segment: a few cache lines of each row."""

NUMERATOR, DENOMINATOR, EXPONENT, DECAY, BONUS, KEY, VALUE, OUTPUT = (BLOCK * i for i in range(8))
"""Where one piece of memory holds what: arrays of their own might overlap, for all LLVM knows."""
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
    of_lesser = exp(-abs(past - now))
    return (ONE, of_lesser) if past >= now else (of_lesser, ONE)


@numba.njit(cache=True, fastmath={"contract"}, error_model="numpy", nogil=True)
def _step(m: Floats) -> None:
    for c in range(BLOCK):
        key, value = m[KEY + c], m[VALUE + c]
        numerator, denominator, exponent = m[NUMERATOR + c], m[DENOMINATOR + c], m[EXPONENT + c]
        e1, e2 = _weights(exponent, m[BONUS + c] + key)
        m[OUTPUT + c] = (e1 * numerator + e2 * value) / (e1 * denominator + e2)
        left = exponent + m[DECAY + c]
        e1, e2 = _weights(left, key)
        m[NUMERATOR + c] = e1 * numerator + e2 * value
        m[DENOMINATOR + c] = e1 * denominator + e2
        m[EXPONENT + c] = left if left >= key else key


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
    memory = np.zeros(OUTPUT + BLOCK, np.float32)
    for c in range(last - first):
        memory[DECAY + c], memory[BONUS + c] = decay[first + c], bonus[first + c]
        for part in range(3):
            memory[part * BLOCK + c] = state[part, first + c]
    for t in range(begin, end):
        for c in range(last - first):
            memory[KEY + c], memory[VALUE + c] = k[t, first + c], v[t, first + c]
        _step(memory)
        for c in range(last - first):
            y[t, first + c] = memory[OUTPUT + c]
    for c in range(last - first):
        for part in range(3):
            state[part, first + c] = memory[part * BLOCK + c]


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

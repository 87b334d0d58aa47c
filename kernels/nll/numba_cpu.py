"""Negative log-likelihoods for CPUs: a log-sum-exp in one pass over most tiles."""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from longriver.kernels.exp_cpu import exp
from longriver.kernels.int8_linear.onednn import Int8Weight, Rounded
from longriver.kernels.linear.float32_cpu import linear
from longriver.kernels.nll.blocked import ROW_BLOCK, VOCAB_BLOCK
from longriver.kernels.nll.head import Head, Int8Head, row_blocks

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

LANES = 32
"""Columns that are taken together: maxima and sums are kept for each of them, then put together."""
LEAST = np.float32(-math.inf)
FAR = np.float32(16)
"""The sum is of exp(logit - reference), the largest of the first tile; one that is so much larger
takes its place, long before the sum would overflow, at 88, or its logarithm lose digits."""


def head_nll(
    hidden_RD: Tensor,
    head_VD: Head,
    target_R: Tensor,
    *,
    row_block: int = ROW_BLOCK,
    vocab_block: int = VOCAB_BLOCK,
) -> Tensor:
    """See ``longriver.kernels.nll.blocked.head_nll``; float32 rows on CPU.

    Args:
        head_VD: float32; half precision, which is widened block by block; or int8.
    """
    rows = len(hidden_RD)
    reference, total = torch.full((rows,), -math.inf), torch.zeros(rows)
    chosen = torch.zeros(rows)
    # with one thread not even a pool: its idle threads would spin
    fold = _fold_serial if torch.get_num_threads() == 1 else _fold_parallel
    sums = [torch.split(x, row_block) for x in (target_R.long(), reference, total, chosen)]
    parts = [[x.numpy() for x in part] for part in zip(*sums, strict=True)]
    inputs = [_input(some_RD, head_VD) for some_RD in torch.split(hidden_RD, row_block)]
    for number, block in enumerate(row_blocks(head_VD, vocab_block)):
        product = _product(block)  # all rows meet a block before the next is fetched
        for some, part in zip(inputs, parts, strict=True):
            fold(number * vocab_block, product(some).numpy(), *part)
    return reference + total.log() - chosen


def _input(hidden_RD: Tensor, head: Head) -> Tensor | Rounded:
    return Rounded(hidden_RD) if isinstance(head, Int8Head) else hidden_RD


def _product(block: Tensor | Int8Weight) -> Callable[[Any], Tensor]:
    """Multiplies with some rows of the head, which are float32 or are made so once."""
    if isinstance(block, Int8Weight):
        return block
    weight_VD = block.float()
    return lambda hidden_RD: linear(hidden_RD, weight_VD)


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _largest(row: Floats) -> np.float32:
    lanes = np.full(LANES, LEAST)
    whole = len(row) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(LANES):
            x = row[first + lane]
            lanes[lane] = x if x > lanes[lane] else lanes[lane]
    found = LEAST
    for lane in range(LANES):
        found = max(found, lanes[lane])
    for c in range(whole, len(row)):
        found = max(found, row[c])
    return found


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _sum_of_exp(row: Floats, largest: np.float32) -> np.float32:
    lanes = np.zeros(LANES, np.float32)
    whole = len(row) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += exp(row[first + lane] - largest)
    total = np.float32(0)
    for lane in range(LANES):
        total += lanes[lane]
    for c in range(whole, len(row)):
        total += exp(row[c] - largest)
    return total


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _largest_and_sum(row: Floats, reference: np.float32) -> tuple[np.float32, np.float32]:
    """Both in one pass; the sum is of the exponentials of what is above the reference."""
    most, lanes = np.full(LANES, LEAST), np.zeros(LANES, np.float32)
    whole = len(row) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(LANES):
            x = row[first + lane]
            most[lane] = x if x > most[lane] else most[lane]
            lanes[lane] += exp(x - reference)
    largest, total = LEAST, np.float32(0)
    for lane in range(LANES):
        largest = max(largest, most[lane])
        total += lanes[lane]
    for c in range(whole, len(row)):
        largest = max(largest, row[c])
        total += exp(row[c] - reference)
    return largest, total


@numba.njit(cache=True, fastmath={"contract"}, nogil=True)
def _fold(
    t: int,
    start: int,
    logits: Floats,
    target: Longs,
    reference: Floats,
    total: Floats,
    chosen: Floats,
) -> None:
    row, local = logits[t], target[t] - start
    if 0 <= local < len(row):
        chosen[t] = row[local]
    before = reference[t]
    if before > LEAST:
        largest, added = _largest_and_sum(row, before)
        if largest - before < FAR:
            total[t] += added
            return
    reference[t] = max(before, _largest(row))
    total[t] = total[t] * exp(before - reference[t]) + _sum_of_exp(row, reference[t])


# two functions, as Numba's cache on disk knows a function by its name, whatever its options


@numba.njit(cache=True, nogil=True)
def _fold_serial(start: int, logits: Floats, *arrays: Any) -> None:
    for t in range(len(logits)):
        _fold(t, start, logits, *arrays)


@numba.njit(cache=True, parallel=True, nogil=True)
def _fold_parallel(start: int, logits: Floats, *arrays: Any) -> None:
    for t in numba.prange(len(logits)):
        _fold(t, start, logits, *arrays)

"""Log-likelihoods for CUDA: logits live in a tile of registers, never in memory."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import OPTIONS, WIDE, aligned

# R rows · D width · V vocabulary · splits of the vocabulary

HALF: dict[str, int | str] = {
    "ROWS": 128,
    "IDS": 128,
    "K": 64,
    "IDS_OF_SPLIT": 512,
    "GROUP": 16,
    "PRECISION": "tf32",
}
FULL: dict[str, int | str] = {
    "ROWS": 64,
    "IDS": 64,
    "K": 32,
    "IDS_OF_SPLIT": 512,
    "GROUP": 16,
    "PRECISION": "ieee",
}
"""Tiles for numbers of 16 bits, on tensor cores, and for float32, which stays float32.

A split depends on the vocabulary only, so that a row's sums are the same beside any others; 512 ids
make 128 programs of a World vocabulary even for a handful of rows. Programs run in groups of 16
blocks of rows, whose hidden vectors stay in the second-level cache while the head passes by once.
"""

HALF_OPTIONS = OPTIONS | {"num_warps": 8, "num_stages": 3}
FULL_OPTIONS = OPTIONS | {"num_warps": 8, "num_stages": 2}

ROWS_TOGETHER = 16
"""Rows of a program that puts splits together."""


def head_nll(hidden_RD: Tensor, head_VD: Tensor, target_R: Tensor) -> Tensor:
    """Returns nats [R] in float32; see ``longriver.kernels.nll.reference.head_nll``.

    Beside them three numbers for every row and split are all that is written.
    """
    hidden_RD, head_VD, target_R = aligned(hidden_RD), aligned(head_VD), aligned(target_R)
    constants = constants_of(head_VD)
    num_rows, splits = len(hidden_RD), triton.cdiv(len(head_VD), constants["IDS_OF_SPLIT"])
    largest_RS = hidden_RD.new_empty((num_rows, splits), dtype=torch.float32)
    chosen_R = largest_RS.new_zeros(num_rows)
    nats_R = torch.empty_like(chosen_R)
    sums = (largest_RS, torch.empty_like(largest_RS), chosen_R)
    if num_rows:
        options = FULL_OPTIONS if hidden_RD.dtype == torch.float32 else HALF_OPTIONS
        grid = (triton.cdiv(num_rows, constants["ROWS"]) * splits,)
        together = (triton.cdiv(num_rows, ROWS_TOGETHER),)
        with torch.cuda.device(hidden_RD.get_device()):
            scores[grid](hidden_RD, head_VD, target_R, *sums, num_rows, **constants, **options)
            combine[together](*sums, nats_R, num_rows, **of_splits(splits), **WIDE)
    return nats_R


def constants_of(head_VD: Tensor) -> dict[str, int | str]:
    """What the first program is compiled for, beside its number type."""
    tile = FULL if head_VD.dtype == torch.float32 else HALF
    return {"NUM_IDS": len(head_VD), "D": head_VD.shape[1], **tile}


def of_splits(splits: int) -> dict[str, int]:
    """What the second program is compiled for."""
    return {"SPLITS": splits, "PADDED": triton.next_power_of_2(splits), "ROWS": ROWS_TOGETHER}


@triton.jit(do_not_specialize=["num_rows"])
def scores(
    hidden: tl.tensor,
    head: tl.tensor,
    target: tl.tensor,
    largest: tl.tensor,
    total: tl.tensor,
    chosen: tl.tensor,
    num_rows: tl.tensor,
    NUM_IDS: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    IDS: tl.constexpr,
    K: tl.constexpr,
    IDS_OF_SPLIT: tl.constexpr,
    GROUP: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:
    """One program for a block of rows and a split: largest logit, sum of exponentials, target's."""
    splits: tl.constexpr = (NUM_IDS + IDS_OF_SPLIT - 1) // IDS_OF_SPLIT
    block, split = _place(tl.cdiv(num_rows, ROWS), splits, GROUP)
    r = block * ROWS + tl.arange(0, ROWS)
    inside = r < num_rows
    # rows behind the last are read as the last, and not written
    from_row = tl.minimum(r, num_rows - 1).to(tl.int64) * D
    wanted = tl.load(target + r, mask=inside, other=-1)
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    summed = tl.zeros((ROWS,), tl.float32)
    for first in range(split * IDS_OF_SPLIT, tl.minimum((split + 1) * IDS_OF_SPLIT, NUM_IDS), IDS):
        ids = first + tl.arange(0, IDS)
        logits = _logits(hidden, head, from_row, ids, NUM_IDS, D, K, PRECISION)
        is_target = (ids[None, :] == wanted[:, None]) & (ids < NUM_IDS)[None, :]
        found = tl.sum(tl.where(is_target, logits, 0.0), axis=1)
        has_target = (wanted >= first) & (wanted < tl.minimum(first + IDS, NUM_IDS))
        tl.store(chosen + r, found, mask=inside & has_target)
        new_top = tl.maximum(top, tl.max(logits, axis=1))
        summed = summed * tl.exp(top - new_top)
        summed += tl.sum(tl.exp(logits - new_top[:, None]), axis=1)
        top = new_top
    to = r.to(tl.int64) * splits + split
    tl.store(largest + to, top, mask=inside)
    tl.store(total + to, summed, mask=inside)


@triton.jit
def _place(blocks: tl.tensor, splits: tl.constexpr, GROUP: tl.constexpr) -> tl.tuple:
    """Block of rows and split of this program; blocks of a group are neighbours."""
    program = tl.program_id(0)
    first = program // (GROUP * splits) * GROUP
    together = tl.minimum(blocks - first, GROUP)
    within = program % (GROUP * splits)
    return first + within % together, within // together


@triton.jit
def _logits(
    hidden: tl.tensor,
    head: tl.tensor,
    from_row: tl.tensor,
    ids: tl.tensor,
    NUM_IDS: tl.constexpr,
    D: tl.constexpr,
    K: tl.constexpr,
    PRECISION: tl.constexpr,
) -> tl.tensor:
    """Logits of a tile, [rows, ids]; -inf for ids behind the vocabulary."""
    from_id = tl.minimum(ids, NUM_IDS - 1).to(tl.int64) * D
    logits = tl.zeros((from_row.shape[0], ids.shape[0]), tl.float32)
    for c in range(0, D, K):
        d = c + tl.arange(0, K)
        if D % K == 0:
            h = tl.load(hidden + from_row[:, None] + d[None, :])
            w = tl.load(head + from_id[None, :] + d[:, None])
        else:
            h = tl.load(hidden + from_row[:, None] + d[None, :], mask=(d < D)[None, :], other=0.0)
            w = tl.load(head + from_id[None, :] + d[:, None], mask=(d < D)[:, None], other=0.0)
        logits = tl.dot(h, w, logits, input_precision=PRECISION)
    return tl.where((ids < NUM_IDS)[None, :], logits, float("-inf"))


@triton.jit(do_not_specialize=["num_rows"])
def combine(
    largest: tl.tensor,
    total: tl.tensor,
    chosen: tl.tensor,
    nats: tl.tensor,
    num_rows: tl.tensor,
    SPLITS: tl.constexpr,
    PADDED: tl.constexpr,
    ROWS: tl.constexpr,
) -> None:
    """One program for some rows: the log of the sum of all splits, less the target's logit."""
    r, s = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, PADDED)
    inside = (r < num_rows)[:, None] & (s < SPLITS)[None, :]
    at = r.to(tl.int64)[:, None] * SPLITS + s[None, :]
    tops = tl.load(largest + at, mask=inside, other=float("-inf"))
    # rows behind the last have no largest logit and nothing to take a logarithm of
    top = tl.where(r < num_rows, tl.max(tops, axis=1), 0.0)
    sums = tl.load(total + at, mask=inside, other=0.0) * tl.exp(tops - top[:, None])
    summed = tl.where(r < num_rows, tl.sum(sums, axis=1), 1.0)
    logit = tl.load(chosen + r, mask=r < num_rows, other=0.0)
    tl.store(nats + r, top + tl.log(summed) - logit, mask=r < num_rows)

"""Token shift for CUDA: all mixtures of a token in one launch, the same bits for any split."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import WIDE, aligned, floats, segment_of

# M mixtures · R rows · D width · S slots

TILE = {"T": 8, "C": 256}
"""Rows and channels of a program: 16 numbers of each mixture a thread."""


def token_mix(
    x_RD: Tensor, mix_MD: Tensor, *, last_SD: Tensor, cu_seqlens: Tensor, slots: Tensor
) -> Tensor:
    """See ``longriver.kernels.token_mix.reference.token_mix``; segments may be empty.

    x and mix of any number types, ``last_SD`` contiguous; rows behind the last segment are zero.
    """
    assert last_SD.dtype == torch.float32 and last_SD.is_contiguous()
    y_MRD = x_RD.new_empty(len(mix_MD), *x_RD.shape)
    constants = constants_of(x_RD, mix_MD)
    tiles = len(slots) + triton.cdiv(len(x_RD), TILE["T"])
    grid = (tiles * triton.cdiv(x_RD.shape[1], TILE["C"]),)
    if len(x_RD):
        memory = (aligned(x_RD), aligned(mix_MD), y_MRD, last_SD, cu_seqlens, slots)
        with torch.cuda.device(x_RD.get_device()):
            mix_tile[grid](*memory, len(x_RD), len(slots), **constants, **WIDE)
    return y_MRD


def constants_of(x_RD: Tensor, mix_MD: Tensor) -> dict[str, int]:
    """What the program is compiled for, beside the number types of its inputs."""
    return {"M": len(mix_MD), "D": x_RD.shape[1], **TILE}


@triton.jit(
    do_not_specialize=["num_rows", "num_segments"],
    do_not_specialize_on_alignment=["last", "cu_seqlens", "slots"],
)
def mix_tile(
    x: tl.tensor,
    mix: tl.tensor,
    y: tl.tensor,
    last: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    num_rows: tl.tensor,
    num_segments: tl.tensor,
    M: tl.constexpr,
    D: tl.constexpr,
    T: tl.constexpr,
    C: tl.constexpr,
) -> None:
    """One program for C channels of T rows, or of a segment's first row and its slot."""
    program, blocks = tl.program_id(0), tl.cdiv(D, C)
    tile, c = program // blocks, program % blocks * C + tl.arange(0, C)
    if tile < num_segments:
        _begin(x, mix, y, last, cu_seqlens, slots, tile, num_rows, c, M, D)
    else:
        t = (tile - num_segments) * T + tl.arange(0, T)
        _rows(x, mix, y, cu_seqlens, num_segments, num_rows, t, c, M, D)


@triton.jit
def _begin(
    x: tl.tensor,
    mix: tl.tensor,
    y: tl.tensor,
    last: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    segment: tl.tensor,
    num_rows: tl.tensor,
    c: tl.tensor,
    M: tl.constexpr,
    D: tl.constexpr,
) -> None:
    """A segment's first row; the only program that reads, and then writes, its slot's channels."""
    begin = tl.load(cu_seqlens + segment).to(tl.int64)
    end = tl.load(cu_seqlens + segment + 1).to(tl.int64)
    if begin < end:
        slot = last + tl.load(slots + segment).to(tl.int64) * D + c
        # rounded as the rows that come before others are
        before = tl.load(slot, mask=c < D, other=0.0).to(x.dtype.element_ty).to(tl.float32)
        now = floats(x, begin * D + c, c < D)
        tl.store(slot, floats(x, (end - 1) * D + c, c < D), mask=c < D)
        for m in tl.static_range(M):
            mixed = tl.fma(before - now, floats(mix, m * D + c, c < D), now)
            to = y + (num_rows.to(tl.int64) * m + begin) * D + c
            tl.store(to, mixed.to(y.dtype.element_ty), mask=c < D)


@triton.jit
def _rows(
    x: tl.tensor,
    mix: tl.tensor,
    y: tl.tensor,
    cu_seqlens: tl.tensor,
    num_segments: tl.tensor,
    num_rows: tl.tensor,
    t: tl.tensor,
    c: tl.tensor,
    M: tl.constexpr,
    D: tl.constexpr,
) -> None:
    """Rows that have one before them in their segment; rows of no segment become zero."""
    segment = segment_of(t, cu_seqlens, num_segments)
    begin = tl.load(cu_seqlens + segment)
    is_read = (segment < num_segments) & (begin <= t)
    is_first = is_read & (begin == t)
    at = t.to(tl.int64)[:, None] * D + c[None, :]
    inside = ((t < num_rows) & (is_read != is_first))[:, None] & (c < D)[None, :]
    now = floats(x, at, inside)
    delta = floats(x, at - D, inside) - now
    written = ((t < num_rows) & (is_first == 0))[:, None] & (c < D)[None, :]
    for m in tl.static_range(M):
        mixed = tl.fma(delta, floats(mix, m * D + c, c < D)[None, :], now)
        to = y + num_rows.to(tl.int64) * m * D + at
        tl.store(to, mixed.to(y.dtype.element_ty), mask=written)

"""What the Triton kernels share: fixed launches, aligned inputs, places, and exp of decays."""

import torch
import triton
import triton.language as tl
from torch import Tensor

OPTIONS = {"num_warps": 1, "num_stages": 1, "enable_fp_fusion": True}
"""The same for every launch and never tuned: each of them can change bits."""

WIDE = OPTIONS | {"num_warps": 4}
"""The same for programs that have no loop over tokens."""

TILE = 1024
"""Entries of a head's state that one program keeps in registers: 32 a thread."""

ALIGNMENT = 16


def head_constants(num_heads: int, head_size: int) -> dict[str, int]:
    """Constants of a program on V columns of a head's state, all of its K rows, from the shape."""
    rows = triton.next_power_of_2(head_size)
    return {"H": num_heads, "N": head_size, "K": rows, "V": min(rows, max(TILE // rows, 1))}


def aligned(x: Tensor) -> Tensor:
    """The same numbers, contiguous, at an address for which Triton has compiled: x or a copy."""
    x = x.contiguous()
    return x if x.data_ptr() % ALIGNMENT == 0 else x.clone()


def float_zeros(x: Tensor) -> Tensor:
    """Float32 zeros like x, whatever its number type."""
    return torch.zeros(x.shape, dtype=torch.float32, device=x.device)


@triton.jit
def floats(pointer: tl.tensor, at: tl.tensor, mask: tl.tensor) -> tl.tensor:
    """Numbers of any type as float32; 0 where masked."""
    return tl.load(pointer + at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def places_of_heads(
    num_heads: tl.tensor, H: tl.constexpr, N: tl.constexpr, K: tl.constexpr, B: tl.constexpr
) -> tl.tuple:
    """Where numbers of this program's B heads lie, where in a row, and which there are; [B, K]."""
    head, i = tl.program_id(0) * B + tl.arange(0, B), tl.arange(0, K)
    inside = (head < num_heads)[:, None] & (i < N)[None, :]
    at = head.to(tl.int64)[:, None] * N + i[None, :]
    return at, (head % H)[:, None] * N + i[None, :], inside


@triton.jit
def segment_of(t: tl.tensor, cu_seqlens: tl.tensor, num_segments: tl.tensor) -> tl.tensor:
    """The segment that each row belongs to, the number of segments for rows behind the last one."""
    low, high = tl.zeros_like(t), tl.zeros_like(t) + num_segments
    # halving: the last place that is not behind t, among segments that begin at one place the last
    length = num_segments
    while length > 0:
        middle = (low + high + 1) // 2
        is_behind = tl.load(cu_seqlens + middle) > t
        low, high = tl.where(is_behind, low, middle), tl.where(is_behind, middle - 1, high)
        length = length // 2
    return low


@triton.jit
def exp_decay(x: tl.tensor) -> tl.tensor:
    """exp(x) for x <= 0, rounded once where it is near 1.

    The hardware's approximation errs the same way for the same x, and over the 10,000 tokens that a
    decay of -1e-4 reaches back that adds up.
    """
    series = 1 + x * (1 / 8)
    series = 1 + x * (1 / 7) * series
    series = 1 + x * (1 / 6) * series
    series = 1 + x * (1 / 5) * series
    series = 1 + x * (1 / 4) * series
    series = 1 + x * (1 / 3) * series
    series = 1 + x * (1 / 2) * series
    return tl.where(x > -0.5, 1 + x * series, tl.exp(x))

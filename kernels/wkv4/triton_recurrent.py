"""WKV-4 for CUDA: token by token, channels in registers, the same bits for any split."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import OPTIONS, aligned, exp_decay, float_zeros, floats

# R rows · D width · S slots

BLOCK = 64
"""Channels of a program: two a thread, so that keys of 16 bits are copied four bytes at a time."""

AHEAD = 8
"""Tokens whose keys and values are on their way or in use: a token's work is short beside that."""


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
    """See ``longriver.kernels.wkv4.reference.wkv4``.

    Inputs of any number type; y is float32, and so has the state to be, and contiguous.
    """
    assert state_S3D.dtype == torch.float32 and state_S3D.is_contiguous()
    y_RD = float_zeros(k_RD)
    constants = constants_of(k_RD)
    grid = (len(slots) * triton.cdiv(constants["D"], BLOCK),)
    if len(slots):
        inputs = (aligned(x) for x in (k_RD, v_RD, decay_D, bonus_D))
        with torch.cuda.device(k_RD.get_device()):
            scan[grid](*inputs, y_RD, state_S3D, cu_seqlens, slots, **constants, **OPTIONS)
    return y_RD


def constants_of(k_RD: Tensor) -> dict[str, int]:
    """What the program is compiled for, beside the number type of its inputs."""
    return {"D": k_RD.shape[1], "C": BLOCK, "STAGES": AHEAD}


@triton.jit
def _weights(past: tl.tensor, now: tl.tensor) -> tl.tuple:
    # relative to the greater of the two, whose own weight is exp(0)
    of_lesser = exp_decay(-tl.abs(past - now))
    is_past = past >= now
    return tl.where(is_past, 1.0, of_lesser), tl.where(is_past, of_lesser, 1.0)


@triton.jit(do_not_specialize_on_alignment=["state", "cu_seqlens", "slots"])
def scan(
    k: tl.tensor,
    v: tl.tensor,
    decay: tl.tensor,
    bonus: tl.tensor,
    y: tl.tensor,
    state: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    D: tl.constexpr,
    C: tl.constexpr,
    STAGES: tl.constexpr,
) -> None:
    """One program for a segment and C channels."""
    program, blocks = tl.program_id(0), tl.cdiv(D, C)
    segment, c = program // blocks, program % blocks * C + tl.arange(0, C)
    begin = tl.load(cu_seqlens + segment).to(tl.int64)
    end = tl.load(cu_seqlens + segment + 1).to(tl.int64)
    if begin == end:
        return
    inside = c < D
    entries = state + tl.load(slots + segment).to(tl.int64) * 3 * D + c
    aa = tl.load(entries, mask=inside, other=0.0)
    bb = tl.load(entries + D, mask=inside, other=0.0)
    pp = tl.load(entries + 2 * D, mask=inside, other=0.0)
    a_token, u = floats(decay, c, inside), floats(bonus, c, inside)
    for t in tl.range(begin, end, num_stages=STAGES):
        key, value = floats(k, t * D + c, inside), floats(v, t * D + c, inside)
        e1, e2 = _weights(pp, u + key)
        tl.store(y + t * D + c, (e1 * aa + e2 * value) / (e1 * bb + e2), mask=inside)
        left = pp + a_token
        e1, e2 = _weights(left, key)
        aa, bb, pp = e1 * aa + e2 * value, e1 * bb + e2, tl.where(left >= key, left, key)
    tl.store(entries, aa, mask=inside)
    tl.store(entries + D, bb, mask=inside)
    tl.store(entries + 2 * D, pp, mask=inside)

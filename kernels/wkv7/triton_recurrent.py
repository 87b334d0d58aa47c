"""WKV-7 for CUDA: token by token, a head's state in registers, the same bits for any split."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import (
    OPTIONS,
    aligned,
    exp_decay,
    float_zeros,
    floats,
    head_constants,
)

# R rows · H heads · N head size (K keys, V values, padded) · S slots


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
    """See ``longriver.kernels.wkv7.reference.wkv7``.

    Inputs of any number type; y is float32, and so has the state to be, and contiguous.
    """
    assert state_SHKV.dtype == torch.float32 and state_SHKV.is_contiguous()
    y_RHN = float_zeros(r_RHN)
    constants = constants_of(r_RHN)
    grid = (len(slots) * constants["H"] * triton.cdiv(constants["N"], constants["V"]),)
    if len(slots):
        inputs = (aligned(x) for x in (r_RHN, w_log_RHN, k_RHN, v_RHN, a_RHN, b_RHN))
        with torch.cuda.device(r_RHN.get_device()):
            scan[grid](*inputs, y_RHN, state_SHKV, cu_seqlens, slots, **constants, **OPTIONS)
    return y_RHN


def constants_of(r_RHN: Tensor) -> dict[str, int]:
    """What the program is compiled for, beside the number type of its inputs."""
    return head_constants(*r_RHN.shape[1:])


@triton.jit
def _token(
    r: tl.tensor,
    w_log: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    row: tl.tensor,
    i: tl.tensor,
    j: tl.tensor,
    N: tl.constexpr,
) -> tl.tuple:
    of_keys = i < N
    return (
        floats(r, row + i, of_keys),
        exp_decay(floats(w_log, row + i, of_keys)),
        floats(k, row + i, of_keys),
        floats(v, row + j, j < N),
        floats(a, row + i, of_keys),
        floats(b, row + i, of_keys),
    )


@triton.jit(do_not_specialize_on_alignment=["state", "cu_seqlens", "slots"])
def scan(
    r: tl.tensor,
    w_log: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    y: tl.tensor,
    state: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    V: tl.constexpr,
) -> None:
    """One program for a segment, a head and V columns of its state."""
    # programs that read the same rows are neighbours
    program, blocks = tl.program_id(0), tl.cdiv(N, V)
    segment, h = program // blocks // H, program // blocks % H
    i, j = tl.arange(0, K), program % blocks * V + tl.arange(0, V)
    begin = tl.load(cu_seqlens + segment).to(tl.int64)
    end = tl.load(cu_seqlens + segment + 1).to(tl.int64)
    if begin == end:
        return
    slot = tl.load(slots + segment).to(tl.int64)
    entries = state + (slot * H + h) * N * N + i[:, None] * N + j[None, :]
    inside = (i < N)[:, None] & (j < N)[None, :]
    S = tl.load(entries, mask=inside, other=0.0)
    now = _token(r, w_log, k, v, a, b, (begin * H + h) * N, i, j, N)
    for t in range(begin, end):
        # on its way while this token is worked on
        upcoming = (tl.minimum(t + 1, end - 1) * H + h) * N
        following = _token(r, w_log, k, v, a, b, upcoming, i, j, N)
        query, decay, key, value, removal, weight = now
        removed = tl.sum(removal[:, None] * S, axis=0)
        S = decay[:, None] * S + weight[:, None] * removed[None, :] + key[:, None] * value[None, :]
        tl.store(y + (t * H + h) * N + j, tl.sum(query[:, None] * S, axis=0), mask=j < N)
        now = following
    tl.store(entries, S, mask=inside)

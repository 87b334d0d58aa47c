"""WKV-6 for CUDA: token by token, a head's state in registers, the same bits for any split."""

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
    """See ``longriver.kernels.wkv6.reference.wkv6``.

    Inputs of any number type; y is float32, and so has the state to be, and contiguous.
    """
    assert state_SHKV.dtype == torch.float32 and state_SHKV.is_contiguous()
    y_RHN = float_zeros(r_RHN)
    constants = constants_of(r_RHN, w_log_RHN)
    grid = (len(slots) * constants["H"] * triton.cdiv(constants["N"], constants["V"]),)
    if len(slots):
        # a decay that is one row, expanded, stays one row
        w_log = w_log_RHN if constants["W_STRIDE"] else w_log_RHN[:1]
        inputs = (aligned(x) for x in (r_RHN, w_log, k_RHN, v_RHN, bonus_HN))
        with torch.cuda.device(r_RHN.get_device()):
            scan[grid](*inputs, y_RHN, state_SHKV, cu_seqlens, slots, **constants, **OPTIONS)
    return y_RHN


def constants_of(r_RHN: Tensor, w_log_RHN: Tensor) -> dict[str, int]:
    """What the program is compiled for, beside the number type of its inputs."""
    num_heads, head_size = r_RHN.shape[1:]
    stride = num_heads * head_size if w_log_RHN.stride(0) else 0
    return head_constants(num_heads, head_size) | {"W_STRIDE": stride}


@triton.jit
def _token(
    r: tl.tensor,
    w_log: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    at: tl.tensor,
    w_at: tl.tensor,
    i: tl.tensor,
    j: tl.tensor,
    N: tl.constexpr,
) -> tl.tuple:
    of_keys = i < N
    return (
        floats(r, at + i, of_keys),
        exp_decay(floats(w_log, w_at + i, of_keys)),
        floats(k, at + i, of_keys),
        floats(v, at + j, j < N),
    )


@triton.jit(do_not_specialize_on_alignment=["state", "cu_seqlens", "slots"])
def scan(
    r: tl.tensor,
    w_log: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    bonus: tl.tensor,
    y: tl.tensor,
    state: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    V: tl.constexpr,
    W_STRIDE: tl.constexpr,
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
    u = floats(bonus, h * N + i, i < N)
    now = _token(r, w_log, k, v, (begin * H + h) * N, begin * W_STRIDE + h * N, i, j, N)
    for t in range(begin, end):
        # on its way while this token is worked on
        after = tl.minimum(t + 1, end - 1)
        following = _token(r, w_log, k, v, (after * H + h) * N, after * W_STRIDE + h * N, i, j, N)
        query, decay, key, value = now
        output = tl.sum(query[:, None] * S, axis=0) + tl.sum(query * u * key, axis=0) * value
        tl.store(y + (t * H + h) * N + j, output, mask=j < N)
        S = decay[:, None] * S + key[:, None] * value[None, :]
        now = following
    tl.store(entries, S, mask=inside)

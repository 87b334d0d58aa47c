"""WKV-7 for CUDA on tensor cores: all spans of tokens at once, then a walk from one to the next."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import OPTIONS, aligned, float_zeros, floats
from longriver.kernels.wkv7.triton_spans import dot, summarize

# R rows · H heads · N head size (K keys, V values, padded) · S slots · P spans of C tokens

SPAN = 16
"""Tokens of a span: RWKV-7's decay keeps exponents within ±0.61 · 8 of its middle."""

OF_SPANS = {"DOUBLINGS": SPAN.bit_length() - 2}
"""Squarings until nothing is left of a strictly triangular matrix of ``SPAN`` rows."""

PRECISIONS = ("tf32", "tf32x3")
"""Of products on tensor cores: 11 bits of each number, or by three products about float32's 24."""

OF_WALK = {"V": 16}
"""Columns of the state that one program walks with."""

SPANS_OPTIONS = OPTIONS | {"num_warps": 4}
WALK_OPTIONS = OPTIONS | {"num_warps": 4}


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
    precision: str = "tf32x3",
) -> Tensor:
    """See ``longriver.kernels.wkv7.reference.wkv7``; state float32 and contiguous, y float32.

    Spans are counted from where a segment begins, so that only splits at multiples of ``SPAN`` give
    the same bits.
    """
    assert state_SHKV.dtype == torch.float32 and state_SHKV.is_contiguous()
    assert precision in PRECISIONS, f"precision={precision!r} is none of {', '.join(PRECISIONS)}"
    y_RHN = float_zeros(r_RHN)
    constants = constants_of(r_RHN, precision)
    heads, size = r_RHN.shape[1:]
    num_spans = len(r_RHN) // SPAN + len(slots)
    spans_5PHCN = y_RHN.new_empty(5, num_spans, heads, SPAN, size)
    decay_PHN = y_RHN.new_empty(num_spans, heads, size)
    if len(slots):
        v_RHN = aligned(v_RHN)
        inputs = (*(aligned(x) for x in (r_RHN, w_log_RHN, k_RHN, v_RHN, a_RHN, b_RHN)), y_RHN)
        kept = (*spans_5PHCN, decay_PHN)
        blocks = triton.cdiv(size, OF_WALK["V"])
        with torch.cuda.device(r_RHN.get_device()):
            summarize[(num_spans * heads,)](
                *inputs,
                *kept,
                cu_seqlens,
                len(slots),
                **constants,
                **OF_SPANS,
                **SPANS_OPTIONS,
            )
            walk[(len(slots) * heads * blocks,)](
                v_RHN,
                y_RHN,
                *kept,
                state_SHKV,
                cu_seqlens,
                slots,
                **constants,
                **OF_WALK,
                **WALK_OPTIONS,
            )
    return y_RHN


def constants_of(r_RHN: Tensor, precision: str) -> dict[str, int | str]:
    """What both programs are compiled for, beside the number type of their inputs."""
    heads, size = r_RHN.shape[1:]
    padded = max(triton.next_power_of_2(size), 16)
    return {"H": heads, "N": size, "K": padded, "C": SPAN, "PRECISION": precision}


@triton.jit(do_not_specialize_on_alignment=["state", "cu_seqlens", "slots"])
def walk(
    v: tl.tensor,
    y: tl.tensor,
    of_removed: tl.tensor,
    removed: tl.tensor,
    of_y: tl.tensor,
    left_b: tl.tensor,
    left_k: tl.tensor,
    decay: tl.tensor,
    state: tl.tensor,
    cu_seqlens: tl.tensor,
    slots: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    C: tl.constexpr,
    PRECISION: tl.constexpr,
    V: tl.constexpr,
) -> None:
    """One program for a segment, a head and V columns of its state, from span to span."""
    program, blocks = tl.program_id(0), tl.cdiv(N, V)
    segment, h = program // blocks // H, program // blocks % H
    c, i = tl.arange(0, C), tl.arange(0, K)
    j = program % blocks * V + tl.arange(0, V)
    begin, end = tl.load(cu_seqlens + segment), tl.load(cu_seqlens + segment + 1)
    if begin == end:
        return
    slot = tl.load(slots + segment).to(tl.int64)
    entries = state + (slot * H + h) * N * N + i[:, None] * N + j[None, :]
    of_keys, of_values = (i < N)[None, :] & (c >= 0)[:, None], (j < N)[None, :] & (c >= 0)[:, None]
    is_entry = (i < N)[:, None] & (j < N)[None, :]
    S = tl.load(entries, mask=is_entry, other=0.0)
    p = (begin // C + segment).to(tl.int64)
    for first in range(begin, end, C):
        head = (p * H + h) * N
        by_key = head * C + c[:, None] * N + i[None, :]
        by_value = head * C + c[:, None] * N + j[None, :]
        rows = ((first + c).to(tl.int64)[:, None] * H + h) * N + j[None, :]
        inside = (first + c < end)[:, None] & (j < N)[None, :]
        sums = floats(removed, by_value, of_values)
        sums += dot(floats(of_removed, by_key, of_keys), S, PRECISION)
        output = floats(y, rows, inside) + dot(floats(of_y, by_key, of_keys), S, PRECISION)
        tl.store(y + rows, output, mask=inside)
        S *= floats(decay, head + i, i < N)[:, None]
        S += dot(tl.trans(floats(left_b, by_key, of_keys)), sums, PRECISION)
        S += dot(tl.trans(floats(left_k, by_key, of_keys)), floats(v, rows, inside), PRECISION)
        p += 1
    tl.store(entries, S, mask=is_entry)

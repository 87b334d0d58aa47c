"""Normed and gated heads for CUDA: one launch, every number read and written once."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.head_gate.bonus import Bonus
from longriver.kernels.triton_launch import WIDE, aligned, floats, places_of_heads

# R rows · H heads · N head size (padded: K) · D = H · N

TILE = 2048
"""Numbers of a program, of whole heads: 16 a thread."""


def head_gate(
    y_RHN: Tensor,
    gate_RD: Tensor,
    weight_D: Tensor,
    bias_D: Tensor,
    *,
    eps: float,
    bonus: Bonus | None = None,
) -> Tensor:
    """See ``longriver.kernels.head_gate.reference.head_gate``.

    Inputs of any number types; all sums are float32, and what leaves is rounded once.
    """
    out_RD = torch.empty_like(gate_RD, memory_format=torch.contiguous_format)
    constants = constants_of(y_RHN, eps)
    num_heads = len(y_RHN) * constants["H"]
    grid = (triton.cdiv(num_heads, constants["B"]),)
    if num_heads:
        inputs = [aligned(x) for x in (y_RHN, gate_RD, weight_D, bias_D)]
        with torch.cuda.device(y_RHN.get_device()):
            if bonus is None:
                gate_heads[grid](*inputs, out_RD, num_heads, **constants, **WIDE)
            else:
                added = (aligned(x) for x in bonus)
                gate_with_bonus[grid](*inputs, *added, out_RD, num_heads, **constants, **WIDE)
    return out_RD


def constants_of(y_RHN: Tensor, eps: float) -> dict[str, int | float]:
    """What the program is compiled for, beside the number types of its inputs."""
    num_heads, head_size = y_RHN.shape[1:]
    padded = triton.next_power_of_2(head_size)
    return {"H": num_heads, "N": head_size, "K": padded, "B": max(TILE // padded, 1), "EPS": eps}


@triton.jit(do_not_specialize=["num_heads"])
def gate_heads(
    y: tl.tensor,
    gate: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    num_heads: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    B: tl.constexpr,
    EPS: tl.constexpr,
) -> None:
    """One program for B heads, of a row or of several."""
    at, of_head, inside = places_of_heads(num_heads, H, N, K, B)
    normed = _normed(floats(y, at, inside), weight, bias, of_head, inside, N, EPS)
    gated = normed * floats(gate, at, inside)
    tl.store(out + at, gated.to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["num_heads"])
def gate_with_bonus(
    y: tl.tensor,
    gate: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    r: tl.tensor,
    k: tl.tensor,
    v: tl.tensor,
    bonus: tl.tensor,
    out: tl.tensor,
    num_heads: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    B: tl.constexpr,
    EPS: tl.constexpr,
) -> None:
    """The same with what a token adds of itself."""
    at, of_head, inside = places_of_heads(num_heads, H, N, K, B)
    normed = _normed(floats(y, at, inside), weight, bias, of_head, inside, N, EPS)
    matched = floats(r, at, inside) * floats(k, at, inside) * floats(bonus, of_head, inside)
    added = tl.sum(matched, axis=1)[:, None] * floats(v, at, inside)
    gated = (normed + added) * floats(gate, at, inside)
    tl.store(out + at, gated.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _normed(
    y: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    of_head: tl.tensor,
    inside: tl.tensor,
    N: tl.constexpr,
    EPS: tl.constexpr,
) -> tl.tensor:
    centred = tl.where(inside, y - tl.sum(y, axis=1)[:, None] / N, 0.0)
    spread = tl.sum(centred * centred, axis=1)[:, None] / N
    normed = centred / tl.sqrt_rn(spread + EPS)
    return normed * floats(weight, of_head, inside) + floats(bias, of_head, inside)

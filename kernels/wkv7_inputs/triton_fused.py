"""WKV-7's inputs for CUDA: one launch, every number read and written once."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import WIDE, aligned, floats, places_of_heads
from longriver.kernels.wkv7_inputs.parts import Inputs, Residual, Weights
from longriver.kernels.wkv7_inputs.reference import DECAY_SCALE, SMALLEST_NORM

# R rows · H heads · N head size (padded: K) · D = H · N

TILE = 1024
"""Numbers of a program, of whole heads: 8 a thread."""


def wkv7_inputs(
    k_RD: Tensor,
    v_RD: Tensor,
    decay_RD: Tensor,
    rate_RD: Tensor,
    weights: Weights,
    *,
    heads: tuple[int, int],
    residual: Residual | None = None,
) -> Inputs:
    """See ``longriver.kernels.wkv7_inputs.reference.wkv7_inputs``.

    Inputs of any number types. Key and value stay in theirs, and in their memory, for the Triton
    forms read them as they are; decay and removal are float32.
    """
    k_RD, v_RD, decay_RD, rate_RD = (aligned(x) for x in (k_RD, v_RD, decay_RD, rate_RD))
    w_log_RD, a_RD, b_RD = (torch.empty_like(k_RD, dtype=torch.float32) for _ in range(3))
    constants = constants_of(heads)
    num_heads = len(k_RD) * heads[0]
    grid = (triton.cdiv(num_heads, constants["B"]),)
    if num_heads:
        arguments = (k_RD, decay_RD, rate_RD, *(aligned(x) for x in weights), w_log_RD, a_RD, b_RD)
        with torch.cuda.device(k_RD.get_device()):
            if residual is None:
                feed[grid](*arguments, num_heads, **constants, **WIDE)
            else:
                values = (v_RD, *(aligned(x) for x in residual))
                feed_and_mix[grid](*arguments, *values, num_heads, **constants, **WIDE)
    return Inputs(*(x.view(-1, *heads) for x in (w_log_RD, k_RD, v_RD, a_RD, b_RD)))


def constants_of(heads: tuple[int, int]) -> dict[str, int | float]:
    """What the program is compiled for, beside the number types of its inputs."""
    num_heads, head_size = heads
    padded = triton.next_power_of_2(head_size)
    shape = {"H": num_heads, "N": head_size, "K": padded, "B": max(TILE // padded, 1)}
    return shape | {"SCALE": DECAY_SCALE, "SMALLEST": SMALLEST_NORM}


@triton.jit
def _sigmoid(x: tl.tensor) -> tl.tensor:
    return 1 / (1 + tl.exp(-x))


@triton.jit
def _feed(
    k: tl.tensor,
    decay: tl.tensor,
    rate: tl.tensor,
    decay_bias: tl.tensor,
    removal_scale: tl.tensor,
    rate_scale: tl.tensor,
    w_log: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    at: tl.tensor,
    of_head: tl.tensor,
    inside: tl.tensor,
    SCALE: tl.constexpr,
    SMALLEST: tl.constexpr,
) -> None:
    biased = floats(decay, at, inside) + floats(decay_bias, of_head, inside)
    tl.store(w_log + at, SCALE * _sigmoid(biased), mask=inside)
    key, share = floats(k, at, inside), _sigmoid(floats(rate, at, inside))
    removal = key * floats(removal_scale, of_head, inside)
    norm = tl.sqrt_rn(tl.sum(removal * removal, axis=1))
    removal /= tl.maximum(norm, SMALLEST)[:, None]
    tl.store(a + at, -removal, mask=inside)
    tl.store(b + at, removal * share, mask=inside)
    key *= 1 + (share - 1) * floats(rate_scale, of_head, inside)
    tl.store(k + at, key.to(k.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["num_heads"])
def feed(
    k: tl.tensor,
    decay: tl.tensor,
    rate: tl.tensor,
    decay_bias: tl.tensor,
    removal_scale: tl.tensor,
    rate_scale: tl.tensor,
    w_log: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    num_heads: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    B: tl.constexpr,
    SCALE: tl.constexpr,
    SMALLEST: tl.constexpr,
) -> None:
    """One program for B heads, of a row or of several, in the first layer."""
    at, of_head, inside = places_of_heads(num_heads, H, N, K, B)
    scales = (decay_bias, removal_scale, rate_scale)
    _feed(k, decay, rate, *scales, w_log, a, b, at, of_head, inside, SCALE, SMALLEST)


@triton.jit(do_not_specialize=["num_heads"])
def feed_and_mix(
    k: tl.tensor,
    decay: tl.tensor,
    rate: tl.tensor,
    decay_bias: tl.tensor,
    removal_scale: tl.tensor,
    rate_scale: tl.tensor,
    w_log: tl.tensor,
    a: tl.tensor,
    b: tl.tensor,
    v: tl.tensor,
    first: tl.tensor,
    share: tl.tensor,
    num_heads: tl.tensor,
    H: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    B: tl.constexpr,
    SCALE: tl.constexpr,
    SMALLEST: tl.constexpr,
) -> None:
    """The same, and the value mixed with that of the first layer."""
    at, of_head, inside = places_of_heads(num_heads, H, N, K, B)
    scales = (decay_bias, removal_scale, rate_scale)
    _feed(k, decay, rate, *scales, w_log, a, b, at, of_head, inside, SCALE, SMALLEST)
    value, taken = floats(v, at, inside), _sigmoid(floats(share, at, inside))
    value += (floats(first, at, inside) - value) * taken
    tl.store(v + at, value.to(v.dtype.element_ty), mask=inside)

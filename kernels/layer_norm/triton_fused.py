"""LayerNorm for CUDA: one launch, a row is read and written once, whatever its number type."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from longriver.kernels.triton_launch import WIDE, aligned, floats

# R rows · D width (padded: C)

TILE = 2048
"""Numbers of a program, of whole rows: 16 a thread, or more where a row is longer."""


def layer_norm(
    x_RD: Tensor, weight_D: Tensor, bias_D: Tensor, *, eps: float, dtype: torch.dtype
) -> Tensor:
    """See ``longriver.kernels.layer_norm.reference.layer_norm``; all sums are float32."""
    out_RD = torch.empty(x_RD.shape, dtype=dtype, device=x_RD.device)
    constants = constants_of(x_RD, eps)
    grid = (triton.cdiv(len(x_RD), constants["B"]),)
    if len(x_RD):
        inputs = (aligned(x) for x in (x_RD, weight_D, bias_D))
        with torch.cuda.device(x_RD.get_device()):
            norm_rows[grid](*inputs, out_RD, len(x_RD), **constants, **WIDE)
    return out_RD


def constants_of(x_RD: Tensor, eps: float) -> dict[str, int | float]:
    """What the program is compiled for, beside the number types of its inputs."""
    padded = triton.next_power_of_2(x_RD.shape[1])
    return {"D": x_RD.shape[1], "C": padded, "B": max(TILE // padded, 1), "EPS": eps}


@triton.jit(do_not_specialize=["num_rows"])
def norm_rows(
    x: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    num_rows: tl.tensor,
    D: tl.constexpr,
    C: tl.constexpr,
    B: tl.constexpr,
    EPS: tl.constexpr,
) -> None:
    """One program for B rows."""
    t, c = tl.program_id(0) * B + tl.arange(0, B), tl.arange(0, C)
    inside = (t < num_rows)[:, None] & (c < D)[None, :]
    at = t.to(tl.int64)[:, None] * D + c[None, :]
    row = floats(x, at, inside)
    centred = tl.where(inside, row - tl.sum(row, axis=1)[:, None] / D, 0.0)
    spread = tl.sum(centred * centred, axis=1)[:, None] / D
    normed = centred / tl.sqrt_rn(spread + EPS)
    scaled = normed * floats(weight, c, c < D)[None, :] + floats(bias, c, c < D)[None, :]
    tl.store(out + at, scaled.to(out.dtype.element_ty), mask=inside)

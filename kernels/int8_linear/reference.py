"""The product as integers, in as many bits as it takes."""

import torch
from torch import Tensor

# R rows · I inputs · O outputs

WEIGHT_LEVELS = 127
INPUT_LEVELS = 63
"""Whole numbers on either side of zero. Inputs have seven bits: two products of an eight-bit weight
and an unsigned seven-bit input fit the 16 bits in which AVX2 adds them, so no CPU saturates."""


def rounded(x_RI: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Whole numbers [R, I] from ``-levels`` to ``levels``, and the scale [R] of each row."""
    largest = x_RI.abs().amax(dim=1)
    scale_R = torch.where(largest > 0, largest, 1) / levels
    return (x_RI / scale_R[:, None]).round(), scale_R


def int8_linear(x_RI: Tensor, weight_OI: Tensor) -> Tensor:
    """``x Wᵀ`` [R, O] in the number type of ``x``, every row of both rounded by its own scale."""
    inputs, input_scale_R = rounded(x_RI, INPUT_LEVELS)
    weights, weight_scale_O = rounded(weight_OI, WEIGHT_LEVELS)
    sums = inputs.long() @ weights.long().T
    return sums * weight_scale_O * input_scale_R[:, None]

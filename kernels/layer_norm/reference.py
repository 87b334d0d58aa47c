"""LayerNorm as its paper states it: a loop over rows."""

import torch
from torch import Tensor


def layer_norm(
    x_RD: Tensor, weight_D: Tensor, bias_D: Tensor, *, eps: float, dtype: torch.dtype
) -> Tensor:
    """Returns ``(x - mean) / sqrt(variance + eps) · weight + bias``, [R, D] in ``dtype``."""
    out_RD = torch.empty(x_RD.shape, dtype=dtype)
    for t, x_D in enumerate(x_RD.to(weight_D.dtype)):
        centred = x_D - x_D.mean()
        normed = centred / ((centred**2).mean() + eps).sqrt()
        out_RD[t] = normed * weight_D + bias_D
    return out_RD

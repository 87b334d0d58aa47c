"""Normed and gated heads for any torch device and number type."""

import torch
import torch.nn.functional as F
from torch import Tensor

from longriver.kernels.head_gate.bonus import Bonus

# R rows · H heads · N head size · D = H · N


def head_gate(
    y_RHN: Tensor,
    gate_RD: Tensor,
    weight_D: Tensor,
    bias_D: Tensor,
    *,
    eps: float,
    bonus: Bonus | None = None,
) -> Tensor:
    """See ``longriver.kernels.head_gate.reference.head_gate``; sums are in y's number type."""
    # a LayerNorm over each head is a GroupNorm, and on CPU several times faster than torch's
    normed = F.layer_norm(y_RHN, y_RHN.shape[2:], eps=eps)
    out_RD = torch.addcmul(bias_D, normed.flatten(1), weight_D)
    if bonus is not None:
        r, k, v = (x.to(y_RHN.dtype) for x in bonus[:3])
        now = (r * k * bonus.weight_HN).sum(dim=2, keepdim=True) * v
        out_RD = out_RD + now.flatten(1)
    return out_RD.to(gate_RD.dtype) * gate_RD
